import { join } from 'node:path';

import type { HostFacts } from '../../../src/model/records.ts';
import type { Family } from '../family.ts';
import { adaptiveFamily } from './adaptive.ts';
import { connectionsFamily } from './connections.ts';
import { decodeFamily } from './decode.ts';
import { hardwareFamily } from './hardware.ts';
import { latencyFamily } from './latency.ts';
import { largeMemoryFamily, memoryFamily } from './memory.ts';
import { recordingFamily } from './recording.ts';
import { restoreFamily } from './restore.ts';
import { transportFamily } from './transport.ts';
import { transportSweep } from './transport-sweep.ts';

export interface FamilyOptions {
  readonly quick: boolean;
  /** Settings of the transports instead. */
  readonly sweep: boolean;
  /** For certificates and generated data; removed after the run. */
  readonly folder: string;
  readonly host: HostFacts;
}

/** Everything that the bench can measure, in the order of its tables. */
export function families({ quick, sweep, folder, host }: FamilyOptions): readonly Family[] {
  const certificateFolder = join(folder, 'certificate');
  if (sweep) return [transportSweep({ certificateFolder })];
  const short = [
    transportFamily({ quick, certificateFolder }),
    restoreFamily({ folder }),
    hardwareFamily({ folder, host }),
  ];
  if (quick) return short;
  return [
    ...short,
    decodeFamily(),
    recordingFamily({ folder }),
    latencyFamily({ folder }),
    connectionsFamily({ folder }),
    adaptiveFamily({ folder }),
    memoryFamily({ folder }),
    largeMemoryFamily({ folder }),
  ];
}
