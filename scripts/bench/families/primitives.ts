import { ServiceProcess } from '../../../src/process/service-process.ts';
import type { Primitive, PrimitiveCalls } from '../ends/primitives-control.ts';
import type { Measurement, Probe } from '../family.ts';

const entry = new URL('../ends/primitives.ts', import.meta.url);

/** Memory that is a file system. */
export const TMPFS_FOLDER = '/dev/shm';

export interface NamedPrimitive {
  readonly primitive: Primitive;
  readonly measurement: Measurement;
}

/** Probes of those that are wanted, in a process of their own. */
export async function primitiveProbes(
  named: readonly NamedPrimitive[],
  wanted: ReadonlySet<string>,
  resources: AsyncDisposableStack,
): Promise<readonly Probe[]> {
  const needed = named.filter(({ measurement }) => wanted.has(measurement.name));
  if (needed.length === 0) return [];
  const measurer = resources.use(await ServiceProcess.start<PrimitiveCalls>('primitives', entry, { answerMs: 60_000 }));
  return needed.map(({ primitive, measurement }) => ({
    measurements: [measurement.name],
    measure: async () => [(await measurer.call('measure', { primitive, folder: TMPFS_FOLDER })).cpuSecondsPerGb],
  }));
}
