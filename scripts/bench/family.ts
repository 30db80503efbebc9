/** A value that is measured once in every block of its family. */
export interface Measurement {
  /** E.g. `client-ours-16`: unique in the bench. */
  readonly name: string;
  /** E.g. `CPU-s/GB`. */
  readonly unit: string;
  /** What was chosen for it, e.g. buffer, window and frame sizes. */
  readonly settings?: string;
}

/** Measures some values in one go, in the order of `measurements`. */
export interface Probe {
  readonly measurements: readonly string[];
  readonly measure: () => Promise<readonly number[]>;
}

/** The values of one block by the names of their measurements. */
export type Block = ReadonlyMap<string, number>;

export type Bound = { readonly atLeast: number } | { readonly atMost: number };

/** A claim about measurements of the same block. */
export interface RatioRule {
  readonly name: string;
  readonly bound: Bound;
  /** Names of the measurements that it is made of. */
  readonly needs: readonly string[];
  /** Numerator and denominator of each block; blocks hold at least `needs`. */
  readonly pairs: (blocks: readonly Block[]) => readonly Pair[];
  /**
   * Two values should be near one another, whichever is larger: the ratio is the median of the blocks and, where it is
   * below 1, its reciprocal.
   */
  readonly isEitherWay?: boolean;
  /** Why the claim is not made for what these blocks found, if it is not; it is always made unless given. */
  readonly exemption?: (blocks: readonly Block[]) => string | undefined;
  /** The claim is made for so many blocks; fewer are marked. */
  readonly claimedBlocks?: number;
}

export interface Pair {
  readonly of: number;
  readonly to: number;
}

/** Measurements that are made together, interleaved, block after block. */
export interface Family {
  readonly name: string;
  readonly measurements: readonly Measurement[];
  readonly ratios: readonly RatioRule[];
  /** Blocks that are made before intervals are looked at. */
  readonly minimumBlocks: number;
  /** Where more blocks could not narrow anything within a run. */
  readonly maximumBlocks?: number;
  /**
   * Starts what the wanted measurements need; `resources` ends it after the last block. Values that a probe measures
   * beside the wanted ones are left out.
   */
  open(wanted: ReadonlySet<string>, resources: AsyncDisposableStack): Promise<readonly Probe[]>;
}

/** The value of a block, which the runner has made sure is there. */
export function valueOf(block: Block, name: string): number {
  const value = block.get(name);
  if (value === undefined) throw new Error(`the block lacks ${name}`);
  return value;
}

/** A rule that compares sums of costs or other values within each block. */
export function ratioOf(
  name: string,
  bound: Bound,
  needs: readonly string[],
  pair: (value: (name: string) => number) => Pair,
): RatioRule {
  return {
    name,
    bound,
    needs,
    pairs: (blocks) => blocks.map((block) => pair((wanted) => valueOf(block, wanted))),
  };
}
