import type { RoundSample } from '../../src/hardware/control.ts';
import { primitiveNames, type PrimitiveName } from '../../src/hardware/primitive-names.ts';
import { primitives } from '../../src/hardware/primitives.ts';
import { profileFormatVersion, type HardwareProfile, type Measurement } from '../../src/hardware/profile.ts';
import { GB } from '../../src/model/units.ts';

/** Units per CPU second and per second, the same in all rounds. */
export interface Planted {
  readonly perCpuSecond: number;
  readonly perSecond?: number;
}

const ROUND_MS = 100;

/** Five equal rounds of exactly these rates. */
export function samplesOf({ perCpuSecond, perSecond = perCpuSecond }: Planted): readonly RoundSample[] {
  const units = (perSecond * ROUND_MS) / 1000;
  return Array.from({ length: 5 }, () => ({ durationMs: ROUND_MS, units, cpuMs: (units / perCpuSecond) * 1000 }));
}

/**
 * A profile in which every primitive does 1 GB (or 10^9 operations) per CPU second on one thread as on all, except
 * those that are named: by name for both, as `name n` for all cores alone.
 */
export function plantedProfile(
  planted: Partial<Readonly<Record<PrimitiveName | `${PrimitiveName} n`, Planted>>> = {},
  { cores = 4 }: { readonly cores?: number } = {},
): HardwareProfile {
  const threads = cores > 1 ? [1, cores] : [1];
  const measurements = primitiveNames.flatMap((name) =>
    threads.map((count): Measurement => {
      const many = count === 1 ? undefined : planted[`${name} n`];
      const samples = samplesOf(many ?? planted[name] ?? { perCpuSecond: GB });
      return { name, threads: count, unit: primitives[name].unit, samples };
    }),
  );
  return {
    formatVersion: profileFormatVersion,
    tool: { name: 'restorelab', version: '0.0.0', node: '24.0.0' },
    host: { platform: 'linux', arch: 'x64', cpuModel: 'Planted CPU', cores, memoryBytes: 8 * 2 ** 30 },
    measuredAt: '2026-01-31T12:00:00.000Z',
    method: {
      rounds: 5,
      roundMs: ROUND_MS,
      chunkBytes: 4 * 2 ** 20,
      threads,
      clock: 'CLOCK_MONOTONIC',
      cpu: 'getrusage',
      folder: '/nowhere',
    },
    measurements,
  };
}

/** The same profile without one of its primitives. */
export const without = (profile: HardwareProfile, name: PrimitiveName): HardwareProfile => ({
  ...profile,
  measurements: profile.measurements.filter((one) => one.name !== name),
});
