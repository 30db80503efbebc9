import { shuffled } from '../../src/scenario/shuffle.ts';
import type { Block, Probe } from './family.ts';
import type { Measured } from './outcome.ts';
import { nextLane, remainingMs, type Lane } from './schedule.ts';
import type { Selection } from './selection.ts';

export interface RunOptions {
  /** No block starts that is expected to end later than this, after the first of each family. */
  readonly limitMs: number;
  /** Numbers in [0, 1), for the order of the probes in each block. */
  readonly random: () => number;
  /** Milliseconds. */
  readonly now: () => number;
  readonly onProgress: (progress: Progress) => void;
  /** Aborted to end after the probe that is under way; complete blocks are kept. */
  readonly signal: AbortSignal;
}

export interface Progress {
  readonly family: string;
  readonly block: number;
  /** What is measured now; absent while the family is being started. */
  readonly measurements?: readonly string[];
  readonly elapsedMs: number;
  readonly remainingMs: number;
}

class RunningLane implements Lane {
  readonly selection: Selection;
  readonly blocks: Block[] = [];
  spentMs = 0;
  problem?: string;
  probes: readonly Probe[] | undefined;

  constructor(selection: Selection) {
    this.selection = selection;
  }
}

/**
 * Measures blocks of all families by turns until their intervals are narrow or the time is used up. A block holds each
 * probe of its family once, in an order of its own. What a family has measured before it failed is kept.
 */
export async function runBlocks(selections: readonly Selection[], options: RunOptions): Promise<readonly Measured[]> {
  const { limitMs, now } = options;
  await using resources = new AsyncDisposableStack();
  const lanes = selections.map((selection) => new RunningLane(selection));
  const startedMs = now();
  while (!options.signal.aborted) {
    const lane = nextLane(lanes, limitMs - (now() - startedMs));
    if (lane === undefined) break;
    const tell = (measurements?: readonly string[]): void => {
      options.signal.throwIfAborted();
      const elapsedMs = now() - startedMs;
      options.onProgress({
        family: lane.selection.family.name,
        block: lane.blocks.length + 1,
        ...(measurements === undefined ? {} : { measurements }),
        elapsedMs,
        remainingMs: remainingMs(lanes, limitMs - elapsedMs),
      });
    };
    try {
      tell();
      lane.probes ??= await lane.selection.family.open(lane.selection.measurements, resources);
      const blockStartedMs = now();
      lane.blocks.push(await measureBlock(lane.selection, shuffled(lane.probes, options.random), tell));
      lane.spentMs += now() - blockStartedMs;
    } catch (error) {
      lane.problem = error instanceof Error ? error.message : String(error);
    }
  }
  return lanes;
}

async function measureBlock(
  { family, measurements }: Selection,
  probes: readonly Probe[],
  tell: (measurements: readonly string[]) => void,
): Promise<Block> {
  const block = new Map<string, number>();
  for (const probe of probes) {
    tell(probe.measurements);
    const values = await probe.measure();
    for (const [index, name] of probe.measurements.entries()) {
      const value = values[index];
      if (measurements.has(name) && value !== undefined) block.set(name, value);
    }
  }
  const missing = [...measurements].filter((name) => !block.has(name));
  if (missing.length > 0) throw new Error(`${family.name} did not measure ${missing.join(', ')}`);
  return block;
}
