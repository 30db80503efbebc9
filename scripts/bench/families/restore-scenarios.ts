import { MiB } from '../../../src/model/units.ts';

export interface RestoreScenario {
  readonly sizeBytes: number;
  readonly compressionRatio: number;
  readonly strategies: readonly string[];
  /** YAML of the target; discard unless given. */
  readonly target?: string;
  /** Further lines, e.g. `link: { roundTrip: 100 ms }`. */
  readonly more?: readonly string[];
}

/** Text of a scenario without zero and repeated chunks, whose link and disk add nothing unless asked to. */
export function restoreScenario({
  sizeBytes,
  compressionRatio,
  strategies,
  target,
  more = [],
}: RestoreScenario): string {
  return [
    'formatVersion: 1',
    'name: bench',
    `image: { size: ${sizeBytes / MiB} MiB, zeroShare: 0 %, compressionRatio: ${compressionRatio.toFixed(1)} }`,
    `target: ${target ?? '{ kind: discard }'}`,
    `strategies: [ ${strategies.join(', ')} ]`,
    'trials: { repeats: 1, warmUp: 0 }',
    ...more,
    '',
  ].join('\n');
}
