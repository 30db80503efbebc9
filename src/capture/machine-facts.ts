import { availableParallelism } from 'node:os';

import { measureHardware } from '../hardware/measure-hardware.ts';
import { primitivesOfRestore } from '../hardware/predict-restore.ts';
import { summariseMeasurement } from '../hardware/summarise-measurement.ts';
import type { HostFacts } from '../model/records.ts';
import type { Clock } from '../model/ports.ts';
import { formatRate, GB } from '../model/units.ts';
import type { Fact } from './scenario-text.ts';

/** About six seconds in all: a likeness of this machine, not a profile of it. */
const quickly = { rounds: 2, budgetMs: 6000, maxRoundMs: 150 } as const;

/** Those that people know. */
const shown: ReadonlySet<string> = new Set(['tls-receive-placed', 'sha-256', 'zstd-decompress-2']);

export interface MachineFactsOptions {
  readonly host: HostFacts;
  readonly folder: string;
  readonly certificateFolder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Pick<Clock, 'now'>;
  readonly signal: AbortSignal;
  readonly onProgress: (share: number) => void;
}

/** What this end is, and how fast one of its threads does the parts of a restore. */
export async function readMachineFacts({
  host,
  onProgress,
  ...options
}: MachineFactsOptions): Promise<readonly Fact[]> {
  const { measurements } = await measureHardware({
    ...options,
    ...quickly,
    names: primitivesOfRestore({ compressionRatio: 2, target: 'discard' }),
    cores: availableParallelism(),
    onProgress: (done, total) => onProgress(done / total),
  });
  const rates = measurements.flatMap((measurement) => {
    const found = measurement.threads === 1 ? summariseMeasurement(measurement) : undefined;
    return found === undefined || !shown.has(measurement.name)
      ? []
      : [`${measurement.name} ${formatRate(found.perSecond.median)}`];
  });
  return [
    {
      name: 'this end',
      text: `${host.cpuModel ?? 'processor unknown: could not be read'}, ${host.cores} cores, ${(host.memoryBytes / GB).toFixed(1)} GB of memory`,
    },
    {
      name: 'one thread of it',
      text: rates.length === 0 ? 'unavailable: nothing could be measured' : rates.join(', '),
    },
  ];
}
