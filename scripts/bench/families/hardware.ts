import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { measureHardware } from '../../../src/hardware/measure-hardware.ts';
import { predictClientCpuSecondsPerGb, primitivesOfRestore } from '../../../src/hardware/predict-restore.ts';
import { profileFormatVersion, type HardwareProfile } from '../../../src/hardware/profile.ts';
import type { HostFacts } from '../../../src/model/records.ts';
import { MiB } from '../../../src/model/units.ts';
import { ratioOf, type Family, type Measurement } from '../family.ts';
import { clientCost } from './restore.ts';
import { RestoreClient } from './restore-client.ts';
import { restoreScenario } from './restore-scenarios.ts';

const shape = { compressionRatio: 1, target: 'discard' } as const;

/** Two counted rounds of each on one thread and on all: short, since each block has a profile of its own. */
const method = { rounds: 2, budgetMs: 6000, maxRoundMs: 250 } as const;

const PREDICTED: Measurement = { name: 'hardware-predicted', unit: 'CPU-s/GB', settings: 'from primitives alone' };
const RESTORED: Measurement = {
  name: 'hardware-restored',
  unit: 'CPU-s/GB',
  settings: '16 in flight, 2 decode threads, uncompressed chunks, discarded',
};

/** What `restorelab hardware` says a restore costs against what one costs. */
export function hardwareFamily({ folder, host }: { readonly folder: string; readonly host: HostFacts }): Family {
  const rule = ratioOf('hardware-prediction', { atMost: 1.15 }, [PREDICTED.name, RESTORED.name], (value) => ({
    of: value(PREDICTED.name),
    to: value(RESTORED.name),
  }));
  return {
    name: 'hardware',
    measurements: [PREDICTED, RESTORED],
    ratios: [{ ...rule, isEitherWay: true }],
    minimumBlocks: 5,
    async open(_wanted, resources) {
      const client = resources.use(await RestoreClient.start(folder));
      const order = {
        scenario: restoreScenario({
          sizeBytes: 512 * MiB,
          compressionRatio: 1,
          strategies: ['{ name: window-unordered, inFlight: 16, decodeThreads: 2 }'],
        }),
        strategy: 'window-unordered',
        recording: true,
      };
      await client.restore(order);
      return [
        { measurements: [PREDICTED.name], measure: async () => [await predict(folder, host)] },
        { measurements: [RESTORED.name], measure: async () => [clientCost(await client.restore(order))] },
      ];
    },
  };
}

async function predict(folder: string, host: HostFacts): Promise<number> {
  const measured = await measureHardware({
    names: primitivesOfRestore(shape),
    ...method,
    cores: availableParallelism(),
    folder: join(folder, 'hardware'),
    certificateFolder: join(folder, 'certificate'),
    env: process.env,
    clock: monotonicClock(),
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  const profile: HardwareProfile = {
    formatVersion: profileFormatVersion,
    tool: { name: 'restorelab bench', version: '', node: process.version },
    host,
    measuredAt: new Date().toISOString(),
    ...measured,
  };
  const predicted = predictClientCpuSecondsPerGb(profile, shape);
  if ('unavailable' in predicted) throw new Error(`no prediction: ${predicted.unavailable}`);
  return predicted.value;
}
