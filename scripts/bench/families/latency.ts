import { DEFAULT_CHUNK_SIZE, MB } from '../../../src/model/units.ts';
import { median } from '../../../src/stats/quantile.ts';
import { valueOf, type Block, type Family, type Pair, type Probe, type RatioRule } from '../family.ts';
import { RestoreClient } from './restore-client.ts';
import { restoreScenario } from './restore-scenarios.ts';

const ROUND_TRIP_MS = 100;
/**
 * How often a whole window of chunks goes by in a trial, whatever the window. Its first requests leave together, so their
 * chunks queue for each other once: of 8 rounds that would take 7 % from a window of 8 (7 chunks of 9 ms in 8 x 112 ms).
 */
const ROUNDS = 24;
/** For the time of a chunk and the ceiling. */
const CHUNKS = 192;
const windows = [1, 2, 4, 8, 16] as const;

/** The windows that must lie below it, so that enough of them is judged. */
const ALWAYS_BELOW = 4;

/** Share of the ceiling up to which a window alone decides the rate. */
const FREE_SHARE = 0.8;

const CHUNK_TIME = { name: 'latency-chunk-time', unit: 'ms', settings: 'one at a time, 0 ms' };
const CEILING = { name: 'latency-ceiling', unit: 'MB/s', settings: 'the largest window, 0 ms' };
const windowName = (window: number): string => `latency-window-${window}`;

/** What a window should reach, MB/s. */
const predicted = (block: Block, window: number): number =>
  (window * DEFAULT_CHUNK_SIZE) / MB / ((ROUND_TRIP_MS + valueOf(block, CHUNK_TIME.name)) / 1000);

const windowRules: readonly RatioRule[] = windows.map((window) => ({
  name: `latency-window-${window}-over-prediction`,
  bound: { atMost: 1.07 },
  isEitherWay: true,
  needs: [windowName(window), CHUNK_TIME.name, CEILING.name],
  exemption: (blocks) => (isBelowCeiling(blocks, window) ? undefined : `above ${FREE_SHARE * 100} % of the ceiling`),
  pairs: (blocks) =>
    blocks.map((block): Pair => ({ of: valueOf(block, windowName(window)), to: predicted(block, window) })),
}));

const rules: readonly RatioRule[] = [
  ...windowRules,
  {
    name: `latency-prediction-${ALWAYS_BELOW}-over-ceiling`,
    bound: { atMost: FREE_SHARE },
    needs: [CHUNK_TIME.name, CEILING.name],
    pairs: (blocks) =>
      blocks.map((block): Pair => ({ of: predicted(block, ALWAYS_BELOW), to: valueOf(block, CEILING.name) })),
  },
];

function isBelowCeiling(blocks: readonly Block[], window: number): boolean {
  const share = median(blocks.map((block) => predicted(block, window) / valueOf(block, CEILING.name)));
  return share !== undefined && share <= FREE_SHARE;
}

/** Whether a window over a long line reaches what its size and the round trip allow (Little's law). */
export function latencyFamily({ folder }: { readonly folder: string }): Family {
  return {
    name: 'latency',
    measurements: [
      ...windows.map((window) => ({
        name: windowName(window),
        unit: 'MB/s',
        settings: `${window} in flight, ${ROUND_TRIP_MS} ms, ${window * ROUNDS} synthesised chunks, discarded, 1 decode thread, no recording`,
      })),
      CHUNK_TIME,
      CEILING,
    ],
    ratios: rules,
    minimumBlocks: 5,
    async open(wanted, resources) {
      const client = resources.use(await RestoreClient.start(folder));
      const scenario = (chunks: number, roundTripMs: number): string =>
        restoreScenario({
          sizeBytes: chunks * DEFAULT_CHUNK_SIZE,
          compressionRatio: 1,
          strategies: windows.map(
            (inFlight) => `{ name: window-unordered, label: w${inFlight}, inFlight: ${inFlight}, decodeThreads: 1 }`,
          ),
          more: [`link: { roundTrip: ${roundTripMs} ms }`, 'server: { kind: embedded, chunks: synthesised }'],
        });
      const chunkMs = async (window: number, chunks: number, roundTripMs: number): Promise<number> => {
        const order = { scenario: scenario(chunks, roundTripMs), strategy: `w${window}`, recording: false };
        return (await client.restore(order)).durationMs / chunks;
      };
      const rateOf = (msOfChunk: number): number => DEFAULT_CHUNK_SIZE / MB / (msOfChunk / 1000);
      const largest = windows.at(-1) ?? 1;
      await chunkMs(largest, CHUNKS, 0);
      const probes: readonly Probe[] = [
        ...windows.map((window) => ({
          measurements: [windowName(window)],
          measure: async () => [rateOf(await chunkMs(window, window * ROUNDS, ROUND_TRIP_MS))],
        })),
        { measurements: [CHUNK_TIME.name], measure: async () => [await chunkMs(1, CHUNKS, 0)] },
        { measurements: [CEILING.name], measure: async () => [rateOf(await chunkMs(largest, CHUNKS, 0))] },
      ];
      return probes.filter(({ measurements }) => measurements.some((name) => wanted.has(name)));
    },
  };
}
