import { availableParallelism } from 'node:os';

import { GB } from '../../../src/model/units.ts';
import { ServiceProcess } from '../../../src/process/service-process.ts';
import type { DecodeCalls } from '../ends/decode-control.ts';
import type { Family } from '../family.ts';

const entry = new URL('../ends/decoder.ts', import.meta.url);

const kinds = [
  { kind: 'uncompressed', compressionRatio: 1 },
  { kind: '2to1', compressionRatio: 2 },
] as const;

/** What decode threads do by themselves: on one, and on as many as the machine has cores. */
export function decodeFamily(): Family {
  const variants = kinds.flatMap(({ kind, compressionRatio }) =>
    [...new Set([1, availableParallelism()])].map((threads) => ({
      threads,
      compressionRatio,
      costName: `decode-${kind}-threads-${threads}`,
      rateName: `decode-${kind}-threads-${threads}-rate`,
    })),
  );
  return {
    name: 'decode',
    measurements: variants.flatMap(({ costName, rateName }) => [
      { name: costName, unit: 'CPU-s/GB', settings: 'main and decode threads, per GB of plain bytes' },
      { name: rateName, unit: 'GB/s', settings: 'per thread, wall clock' },
    ]),
    ratios: [],
    minimumBlocks: 5,
    async open(wanted, resources) {
      const decoder = resources.use(await ServiceProcess.start<DecodeCalls>('decoder', entry, { answerMs: 60_000 }));
      return variants
        .filter(({ costName, rateName }) => wanted.has(costName) || wanted.has(rateName))
        .map(({ threads, compressionRatio, costName, rateName }) => ({
          measurements: [costName, rateName],
          measure: async () => {
            const { plainBytes, durationMs, cpuMs } = await decoder.call('decode', { threads, compressionRatio });
            return [cpuMs / 1000 / (plainBytes / GB), plainBytes / GB / (durationMs / 1000) / threads];
          },
        }));
    },
  };
}
