import type { HostFacts } from '../../src/model/records.ts';
import { logInterval, pairedRatio, type Interval, type PairedRatio } from '../../src/stats/interval.ts';
import { median } from '../../src/stats/quantile.ts';
import type { Block, Bound, Pair, RatioRule } from './family.ts';
import type { Selection } from './selection.ts';

/** A ratio whose 95 % interval is wider than this share of its value is measured on, and marked if it stays so. */
export const WIDE_SHARE = 0.1;

export interface MeasuredValue {
  readonly name: string;
  readonly unit: string;
  /** null where nothing could be measured. */
  readonly median: number | null;
  /** 95 % interval of the geometric mean; null for fewer than three values. */
  readonly interval: Interval | null;
  readonly blocks: number;
  readonly settings?: string;
}

export type MeasuredRatio = {
  readonly name: string;
  /** Geometric mean of the blocks' ratios, or see {@link RatioRule.isEitherWay}; null where it could not be measured. */
  readonly value: number | null;
  readonly interval: Interval | null;
  /** Decided by `value` alone; false where there is none. */
  readonly met: boolean;
  /** Only where the claim is not made for what was found, so that `met` does not count; `note` says why. */
  readonly judged?: false;
  /** The interval is wider than 10 % of the value, or there is none. */
  readonly wide: boolean;
  readonly blocks: number;
  /** What is to be known of the value, e.g. `fewer than 10 blocks`. */
  readonly note?: string;
  /** Why there is no value. */
  readonly problem?: string;
} & Bound;

/** What `--json` writes. */
export interface Outcome {
  readonly host: HostFacts;
  readonly mode: 'quick' | 'full';
  /** Of the order in which the probes of each block ran. */
  readonly seed: string;
  readonly durationSeconds: number;
  readonly measurements: readonly MeasuredValue[];
  readonly ratios: readonly MeasuredRatio[];
  /** Families that broke off, and why. */
  readonly problems: readonly string[];
}

/** The blocks of a selection, and why there are no more. */
export interface Measured {
  readonly selection: Selection;
  readonly blocks: readonly Block[];
  readonly problem?: string;
}

export function measuredValues({ selection, blocks }: Measured): MeasuredValue[] {
  return selection.family.measurements
    .filter(({ name }) => selection.measurements.has(name))
    .map(({ name, unit, settings }) => {
      const values = blocks.flatMap((block) => block.get(name) ?? []);
      return {
        name,
        unit,
        median: median(values) ?? null,
        interval: logInterval(values) ?? null,
        blocks: values.length,
        ...(settings === undefined ? {} : { settings }),
      };
    });
}

export function measuredRatios({ selection, blocks, problem }: Measured): MeasuredRatio[] {
  return selection.family.ratios
    .filter(({ name }) => selection.ratios.has(name))
    .map((rule) => measureRatio(rule, blocks, problem));
}

/** @param problem why there are no blocks, if there are none */
export function measureRatio(rule: RatioRule, blocks: readonly Block[], problem?: string): MeasuredRatio {
  const { name, bound, claimedBlocks = 0 } = rule;
  const pairs = rule.pairs(blocks);
  const paired = pairedRatio(pairs);
  if (paired === undefined) {
    const why = problem ?? (blocks.length === 0 ? 'not measured' : 'a value is not above 0');
    return { name, value: null, interval: null, ...bound, met: false, wide: true, blocks: blocks.length, problem: why };
  }
  const { ratio, interval } = rule.isEitherWay === true ? eitherWay(pairs, paired) : paired;
  const isMet = 'atLeast' in bound ? ratio >= bound.atLeast : ratio <= bound.atMost;
  const exemption = rule.exemption?.(blocks);
  const note = exemption ?? (blocks.length < claimedBlocks ? `fewer than ${claimedBlocks} blocks` : undefined);
  return {
    name,
    value: ratio,
    interval: interval ?? null,
    ...bound,
    met: isMet,
    ...(exemption === undefined ? {} : { judged: false as const }),
    wide: interval === undefined || interval[1] - interval[0] > WIDE_SHARE * ratio,
    blocks: blocks.length,
    ...(note === undefined ? {} : { note }),
  };
}

/** The median, and whichever way round it is not below 1. */
function eitherWay(pairs: readonly Pair[], { ratio, interval }: PairedRatio): Pick<PairedRatio, 'ratio' | 'interval'> {
  const middle = median(pairs.map(({ of, to }) => of / to)) ?? ratio;
  if (middle >= 1) return { ratio: middle, ...(interval === undefined ? {} : { interval }) };
  return { ratio: 1 / middle, ...(interval === undefined ? {} : { interval: [1 / interval[1], 1 / interval[0]] }) };
}
