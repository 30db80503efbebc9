import { MB, MiB } from '../../../src/model/units.ts';
import { median } from '../../../src/stats/quantile.ts';
import { valueOf, type Block, type Family } from '../family.ts';
import { RestoreClient } from './restore-client.ts';
import { restoreScenario } from './restore-scenarios.ts';

const LINK = '50 ms, 1 Gbit/s';
const windows = [2, 4, 8, 16] as const;
const ADAPTIVE = { name: 'adaptive-window', unit: 'MB/s', settings: LINK };
const fixedName = (window: number): string => `adaptive-beside-window-${window}`;
const fixedNames = windows.map(fixedName);
const BLOCKS = 10;

/** The fixed window that is the fastest over all blocks. */
function fastest(blocks: readonly Block[]): string {
  const medianOf = (name: string): number => median(blocks.map((block) => valueOf(block, name))) ?? 0;
  return fixedNames.toSorted((a, b) => medianOf(b) - medianOf(a))[0] ?? '';
}

/** A window that finds its size by itself against windows that are given theirs. */
export function adaptiveFamily({ folder }: { readonly folder: string }): Family {
  return {
    name: 'adaptive',
    measurements: [
      ADAPTIVE,
      ...windows.map((window) => ({ name: fixedName(window), unit: 'MB/s', settings: `${window} in flight, ${LINK}` })),
    ],
    ratios: [
      {
        name: 'adaptive-over-best-window',
        bound: { atLeast: 0.9 },
        claimedBlocks: BLOCKS,
        needs: [ADAPTIVE.name, ...fixedNames],
        pairs: (blocks) => {
          const best = fastest(blocks);
          return blocks.map((block) => ({ of: valueOf(block, ADAPTIVE.name), to: valueOf(block, best) }));
        },
      },
    ],
    minimumBlocks: BLOCKS,
    async open(wanted, resources) {
      const client = resources.use(await RestoreClient.start(folder));
      const strategies = [
        { measurement: ADAPTIVE.name, label: 'adaptive', text: '{ name: adaptive }' },
        ...windows.map((window) => ({
          measurement: fixedName(window),
          label: `w${window}`,
          text: `{ name: window-unordered, label: w${window}, inFlight: ${window} }`,
        })),
      ];
      const scenario = restoreScenario({
        sizeBytes: 512 * MiB,
        compressionRatio: 1,
        strategies: strategies.map(({ text }) => text),
        more: ['link: { roundTrip: 50 ms, rate: 1 Gbit/s }'],
      });
      await client.prepare(scenario);
      return strategies
        .filter(({ measurement }) => wanted.has(measurement))
        .map(({ measurement, label }) => ({
          measurements: [measurement],
          measure: async () => {
            const { dataBytes, durationMs } = await client.restore({ scenario, strategy: label, recording: true });
            return [dataBytes / MB / (durationMs / 1000)];
          },
        }));
    },
  };
}
