import { measuredRatios, WIDE_SHARE, type Measured, type MeasuredRatio } from './outcome.ts';

/** How far a family has come. */
export interface Lane extends Measured {
  /** Time that its blocks have taken so far. */
  readonly spentMs: number;
}

/**
 * The lane whose block is to be run next, or undefined at the end. Every lane has one block, whatever the time; further
 * ones only if they are expected to end within the limit. Lanes below their minimum come first, then those
 * with a wide interval, among them the one that has had the least time.
 */
export function nextLane<Some extends Lane>(lanes: readonly Some[], remainingMs: number): Some | undefined {
  const open = lanes.filter(({ problem }) => problem === undefined);
  const fresh = open.find(({ blocks }) => blocks.length === 0);
  if (fresh !== undefined) return fresh;
  const affordable = open.filter((lane) => blockMs(lane) <= remainingMs);
  const short = affordable
    .filter(({ selection, blocks }) => blocks.length < selection.family.minimumBlocks)
    .toSorted((a, b) => a.blocks.length - b.blocks.length);
  return short[0] ?? affordable.filter(isWide).toSorted((a, b) => a.spentMs - b.spentMs)[0];
}

/**
 * Time until the end: blocks that are still due, and what the wide intervals are likely to need, up to the limit. Just
 * the limit as long as a family has not shown what its blocks take.
 */
export function remainingMs(lanes: readonly Lane[], limitMs: number): number {
  const open = lanes.filter(({ problem }) => problem === undefined);
  const limit = Math.max(0, limitMs);
  if (open.some(({ blocks }) => blocks.length === 0)) return limit;
  return Math.min(
    limit,
    open.reduce((sum, lane) => sum + Math.max(0, likelyBlocks(lane) - lane.blocks.length) * blockMs(lane), 0),
  );
}

const judgedRatios = (lane: Lane): MeasuredRatio[] => measuredRatios(lane).filter(({ judged }) => judged !== false);

const blockMs = ({ spentMs, blocks }: Lane): number => spentMs / Math.max(1, blocks.length);

function isWide(lane: Lane): boolean {
  const { maximumBlocks = Number.POSITIVE_INFINITY } = lane.selection.family;
  return lane.blocks.length < maximumBlocks && judgedRatios(lane).some(({ wide }) => wide);
}

/** An interval narrows with the square root of the number of blocks. */
function likelyBlocks(lane: Lane): number {
  const { minimumBlocks, maximumBlocks = Number.POSITIVE_INFINITY } = lane.selection.family;
  const needs = judgedRatios(lane).map(({ value, interval, blocks }) =>
    value === null || interval === null
      ? minimumBlocks
      : blocks * ((interval[1] - interval[0]) / value / WIDE_SHARE) ** 2,
  );
  return Math.min(maximumBlocks, Math.ceil(Math.max(minimumBlocks, ...needs)));
}
