import { z } from 'zod';

import type { HostFacts } from '../model/records.ts';
import type { RoundSample } from './control.ts';
import { primitiveUnits, type PrimitiveUnit } from './primitive.ts';
import { accelerations, type Acceleration } from './acceleration.ts';

/** Version of a hardware profile. Older ones are read, newer ones refused. */
export const profileFormatVersion = 1;

/** One primitive on so many threads: all its rounds in the order of measuring, or why there are none. */
export type Measurement = {
  /** Of `primitives`; a later version may know more. */
  readonly name: string;
  readonly threads: number;
  readonly unit: PrimitiveUnit;
} & ({ readonly samples: readonly RoundSample[] } | { readonly unavailable: string });

export interface ProfileMethod {
  readonly rounds: number;
  /** What was asked for; the samples say how long each was. */
  readonly roundMs: number;
  readonly chunkBytes: number;
  /** Thread counts that were measured: one, and all cores. */
  readonly threads: readonly number[];
  readonly clock: string;
  readonly cpu: string;
  /** Where files were written. */
  readonly folder: string;
}

/** The same primitives in the same rounds, with some of the processor's instructions hidden from OpenSSL. */
export interface WithoutAcceleration {
  readonly without: readonly Acceleration[];
  /** How they were hidden, e.g. `OPENSSL_ia32cap=...`. */
  readonly environment: string;
  readonly measurements: readonly Measurement[];
}

/** What the primitives of a restore cost on one machine. Summaries are always computed from `samples`. */
export interface HardwareProfile {
  readonly formatVersion: number;
  readonly tool: { readonly name: string; readonly version: string; readonly node: string };
  readonly host: HostFacts;
  /** ISO 8601, UTC. */
  readonly measuredAt: string;
  readonly method: ProfileMethod;
  readonly measurements: readonly Measurement[];
  readonly acceleration?: WithoutAcceleration;
}

const positive = z.number().positive();

// Objects are loose: newer versions add fields, and programs must not refuse a profile because of one.
const sample = z.looseObject({ durationMs: positive, units: positive, cpuMs: z.number().nonnegative() });
const measured = { name: z.string(), threads: z.int().positive(), unit: z.enum(primitiveUnits) };
const measurement = z.union([
  z.looseObject({ ...measured, samples: z.array(sample).min(1) }),
  z.looseObject({ ...measured, unavailable: z.string().min(1) }),
]);

/** What a hardware profile holds. */
export const profileSchema: z.ZodType<HardwareProfile> = z.looseObject({
  formatVersion: z.int().positive(),
  tool: z.looseObject({ name: z.string(), version: z.string(), node: z.string() }),
  host: z.looseObject({
    platform: z.string(),
    arch: z.string(),
    cpuModel: z.string().exactOptional(),
    cores: z.int().positive(),
    memoryBytes: z.number().nonnegative(),
  }),
  measuredAt: z.iso.datetime(),
  method: z.looseObject({
    rounds: z.int().positive(),
    roundMs: positive,
    chunkBytes: z.int().positive(),
    threads: z.array(z.int().positive()).min(1),
    clock: z.string(),
    cpu: z.string(),
    folder: z.string(),
  }),
  measurements: z.array(measurement).min(1),
  acceleration: z
    .looseObject({
      without: z.array(z.enum(accelerations)).min(1),
      environment: z.string(),
      measurements: z.array(measurement).min(1),
    })
    .exactOptional(),
});

/** The content of schemas/hardware-profile.schema.json. */
export function profileJsonSchema(): string {
  const schema = z.toJSONSchema(profileSchema, { target: 'draft-2020-12', io: 'input', reused: 'ref' });
  return `${JSON.stringify({ title: 'hardware profile of restorelab', ...schema }, undefined, 2)}\n`;
}
