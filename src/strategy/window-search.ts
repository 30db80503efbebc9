/** A window to try next, and how many chunks tell its rate. */
export interface WindowTrial {
  readonly window: number;
  readonly chunks: number;
}

/** Doubling a window must bring so much to count as growth: a tenth of what it brings below the knee. */
const GROWTH = 1.1;

/** Of levels that differ by less than noise, the smallest is enough. */
const NEARLY_BEST = 0.98;

/** A larger window stays for so much more, a smaller one for so little less, a quarter more or less of it being tried. */
const WORTH_MORE = 1.03;
const WORTH_LESS = 0.98;

/** A rate is certain that so many chunks have told; with fewer, a second one has to agree. */
const CERTAIN_CHUNKS = 16;

/** Measurements between two attempts to leave a window: few after a change, more each time that nothing else is better. */
const FIRST_HOLDS = 4;
const MOST_HOLDS = 16;

/**
 * Looks for the smallest window with the highest rate: yields the window to use, is told the rate that it had (in any
 * unit), and never ends. The window doubles until the rate stops growing, falls back to the
 * smallest one that was nearly as fast, and then tries a quarter less and a quarter more now and then. It compares
 * measured rates only and needs no idea of a shortest latency, which a small or cached chunk would spoil.
 */
export function* windowSearch(bound: number): Generator<WindowTrial, never, number> {
  let window = yield* firstWindow(bound);
  let holds = FIRST_HOLDS;
  let direction: 'less' | 'more' = 'less';
  for (;;) {
    let rate = 0;
    for (let hold = 0; hold < holds; hold += 1) rate = yield held(window);
    const candidate: number = direction === 'less' ? aQuarterLess(window) : Math.min(bound, aQuarterMore(window));
    const isBetter: boolean =
      candidate !== window && (yield tried(candidate)) >= rate * (direction === 'less' ? WORTH_LESS : WORTH_MORE);
    if (isBetter) {
      window = candidate;
      holds = 1;
    } else {
      direction = direction === 'less' ? 'more' : 'less';
      holds = Math.min(4 * holds, MOST_HOLDS);
    }
  }
}

function* firstWindow(bound: number): Generator<WindowTrial, number, number> {
  const levels: { readonly window: number; readonly rate: number }[] = [];
  let best = 0;
  let doubts = 2;
  for (let window = 1; ; window = Math.min(2 * window, bound)) {
    const rate = yield { window, chunks: window < 4 ? 2 * window : window };
    if (rate >= GROWTH * best) doubts = 2;
    else doubts -= window < CERTAIN_CHUNKS ? 1 : 2;
    best = Math.max(best, rate);
    levels.push({ window, rate });
    if (doubts <= 0 || window === bound) break;
  }
  return levels.find(({ rate }) => rate >= NEARLY_BEST * best)?.window ?? bound;
}

const held = (window: number): WindowTrial => ({ window, chunks: Math.max(window, CERTAIN_CHUNKS) });

/** A smaller window costs time while it is tried. */
const tried = (window: number): WindowTrial => ({ window, chunks: Math.max(window, CERTAIN_CHUNKS / 2) });

const aQuarterLess = (window: number): number => Math.max(1, Math.min(window - 1, Math.round(window * 0.75)));
const aQuarterMore = (window: number): number => Math.max(window + 1, Math.round(window * 1.25));
