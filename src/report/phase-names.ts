import { phases, type Phase } from '../model/report.ts';

/** Names of the phases that are told; what has no name is left out. */
export type PhaseNames = Readonly<Partial<Record<Phase, string>>>;

export const phaseNames: Readonly<Record<Phase, string>> = {
  queued: 'queued',
  waiting: 'waiting for first byte',
  receiving: 'receiving',
  decoding: 'decoding',
  held: 'held for order or writer',
  writing: 'writing',
};

/** The phases that have names, in the order of time. */
export function namedPhases(names: PhaseNames): readonly (readonly [phase: Phase, name: string])[] {
  return phases.flatMap((phase) => {
    const name = names[phase];
    return name === undefined ? [] : [[phase, name] as const];
  });
}
