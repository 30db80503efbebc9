import { z } from 'zod';

import type { Metric, UseRow } from '../model/metric.ts';
import type { HostFacts, RunRecord } from '../model/records.ts';
import { verdictCodes, type Verdict } from '../model/report.ts';

// What the report.json of a run and that of a verify have in common.
// Objects are loose: newer versions add fields, and programs must not refuse a report because of one.
export const metric: z.ZodType<Metric> = z.union([
  z.looseObject({ value: z.number() }),
  z.looseObject({ unavailable: z.string().min(1) }),
]);
export const count: z.ZodType<number> = z.int().nonnegative();

export const tool: z.ZodType<RunRecord['tool']> = z.looseObject({
  name: z.string(),
  version: z.string(),
  node: z.string(),
});

export const host: z.ZodType<HostFacts> = z.looseObject({
  platform: z.string(),
  arch: z.string(),
  cpuModel: z.string().exactOptional(),
  cores: count,
  memoryBytes: count,
});

export const verdict: z.ZodType<Verdict> = z.looseObject({
  code: z.enum(verdictCodes),
  sentence: z.string(),
  strategy: z.string(),
  evidence: z.array(z.looseObject({ name: z.string(), measured: metric, threshold: z.string(), met: z.boolean() })),
  next: z.string(),
  rule: z.string(),
});

export const useRow: z.ZodType<UseRow> = z.looseObject({
  resource: z.string(),
  utilization: metric,
  saturation: metric,
  saturationUnit: z.string().exactOptional(),
  errors: metric,
  method: z.string().exactOptional(),
});

/** An optional field of the same schema for each name. */
export function perName<Name extends string, Schema extends z.ZodType>(
  names: readonly Name[],
  schema: Schema,
): Record<Name, z.ZodExactOptional<Schema>> {
  return Object.fromEntries(names.map((name) => [name, schema.exactOptional()])) as Record<
    Name,
    z.ZodExactOptional<Schema>
  >;
}

/** The text of a file of JSON Schema. */
export function jsonSchemaText(title: string, schema: z.ZodType): string {
  const described = z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input', reused: 'ref' });
  return `${JSON.stringify({ title, ...described }, undefined, 2)}\n`;
}
