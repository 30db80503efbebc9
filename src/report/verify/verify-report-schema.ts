import { z } from 'zod';

import { phases } from '../../model/report.ts';
import { readingOrders, type VerifyReport } from '../../model/verify.ts';
import { count, host, jsonSchemaText, metric, perName, tool, useRow, verdict } from '../schema-parts.ts';

const settings = z.looseObject({
  datastore: z.string(),
  namespace: z.string().exactOptional(),
  snapshot: z.string().exactOptional().meta({ description: 'all of the datastore where absent' }),
  readThreads: count,
  verifyThreads: count,
  order: z.enum(readingOrders),
  keyFingerprint: z.string().exactOptional(),
});

const problem = z.looseObject({
  code: z.string(),
  problem: z.string(),
  file: z.string().meta({ description: 'path below the datastore' }),
  digest: z.string().exactOptional(),
  affects: z.array(z.string()).meta({ description: 'archives that cannot be restored whole because of it' }),
});

const bytes = z.looseObject({ logical: count, data: metric, unique: count, checked: count, read: count }).meta({
  description: 'unique and checked are plain bytes of distinct chunks, read is what sound chunks have on disk',
});

/** What report.json of a verify holds. */
export const verifyReportSchema: z.ZodType<VerifyReport> = z.looseObject({
  formatVersion: count,
  mode: z.literal('verify'),
  tool,
  host,
  startedAt: z.string(),
  settings,
  status: z.enum(['completed', 'interrupted']),
  verdict,
  problems: z.array(problem),
  warnings: z.array(z.string()),
  snapshotCount: count,
  archiveCount: count,
  slotCount: count,
  chunkCount: count,
  checkedCount: count,
  withoutKeyCount: count,
  bytes,
  durationMs: z.number(),
  readBusyMs: z.number(),
  verifyBusyMs: z.number(),
  throughput: z
    .looseObject({ logical: metric, data: metric, unique: metric, read: metric })
    .meta({ description: 'bytes per second' }),
  cpuSecondsPerGb: metric.meta({ description: 'per 10^9 plain bytes of distinct chunks' }),
  chunkLatencyMs: z.looseObject({ p50: metric, p95: metric, p99: metric, max: metric }),
  phaseShares: z.looseObject(perName(phases, z.number())),
  use: z.array(useRow),
});

/** The content of schemas/verify-report.schema.json. */
export const verifyReportJsonSchema = (): string =>
  jsonSchemaText('report.json of restorelab verify', verifyReportSchema);
