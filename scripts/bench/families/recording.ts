import { GB, MiB } from '../../../src/model/units.ts';
import type { TrialFigures } from '../ends/restore-control.ts';
import type { Family } from '../family.ts';
import { RestoreClient } from './restore-client.ts';
import { restoreScenario } from './restore-scenarios.ts';

const UNIT = 'CPU-s/GB';
const states = [
  { recording: true, name: 'recording-on', rateName: 'recording-on-rate' },
  { recording: false, name: 'recording-off', rateName: 'recording-off-rate' },
] as const;

/** What spans and samples cost: the client's CPU time and the sampler's, with recording and without. */
export function recordingFamily({ folder }: { readonly folder: string }): Family {
  return {
    name: 'recording',
    measurements: states.flatMap(({ name, rateName }) => [
      { name, unit: UNIT, settings: 'client and sampler, 16 in flight, uncompressed chunks, discarded' },
      { name: rateName, unit: 'GB/s' },
    ]),
    ratios: [],
    minimumBlocks: 8,
    async open(_wanted, resources) {
      const client = resources.use(await RestoreClient.start(folder));
      const scenario = restoreScenario({
        sizeBytes: 512 * MiB,
        compressionRatio: 1,
        strategies: ['{ name: window-unordered, inFlight: 16, decodeThreads: 2 }'],
      });
      const restore = async (recording: boolean): Promise<TrialFigures> =>
        await client.restore({ scenario, strategy: 'window-unordered', recording });
      for (const { recording } of states) await restore(recording);
      return states.map(({ recording, name, rateName }) => ({
        measurements: [name, rateName],
        measure: async () => {
          const { clientCpuMs, samplerCpuMs, dataBytes, durationMs } = await restore(recording);
          return [(clientCpuMs + samplerCpuMs) / 1000 / (dataBytes / GB), dataBytes / GB / (durationMs / 1000)];
        },
      }));
    },
  };
}
