import { z } from 'zod';

import { cacheStates, samplings } from '../model/environment.ts';
import { rateNames } from '../model/objective.ts';
import { profiledProcesses } from '../model/profile.ts';
import { comparisonVerdicts, phases, type Report } from '../model/report.ts';
import { runModes } from '../model/records.ts';
import { tlsCiphers, transportNames } from '../model/transport.ts';
import { count, host, jsonSchemaText, metric, perName, tool, useRow, verdict } from './schema-parts.ts';

const interval = z.tuple([z.number(), z.number()]).meta({ description: '95 % interval: low, high' });
const runStatus = z.enum(['running', 'completed', 'interrupted', 'failed']);
const trialStatus = z.enum(['completed', 'failed', 'interrupted', 'not-run']);

const bytes = z.looseObject({ logical: count, data: count, unique: count, wire: count.exactOptional() });

const recordedError = z.looseObject({ code: z.string(), message: z.string(), hint: z.string().exactOptional() });

const external = z
  .looseObject({
    command: z.array(z.string()),
    exitCode: count.exactOptional(),
    usage: z
      .looseObject({
        cpuMs: metric,
        storageReadBytes: metric,
        storageWrittenBytes: metric,
        readBytes: metric,
        writtenBytes: metric,
        peakResidentBytes: metric,
        peakProcesses: metric,
        peakConnections: metric,
      })
      .exactOptional(),
    figures: z.array(
      z.looseObject({
        printed: z.array(z.string()),
        durationMs: z.number().exactOptional(),
        rates: z.looseObject({ logical: metric, data: metric, unique: metric, wire: metric }),
        flags: z.array(z.string()),
      }),
    ),
    leftBehind: count,
  })
  .meta({ description: 'of a program that was run as a black box: all its processes together, and what it printed' });

const trial = z.looseObject({
  index: count,
  block: count,
  status: trialStatus,
  warmUp: z.boolean(),
  durationMs: z.number().exactOptional(),
  verified: z.boolean().exactOptional(),
  notVerifiable: z.string().exactOptional(),
  proof: z.enum(['crc32-per-chunk', 'sha256-of-file', 'sha256-of-stdout', 'sha256-per-chunk']).exactOptional(),
  sha256: z.string().exactOptional(),
  bytes: bytes.exactOptional(),
  error: recordedError.exactOptional(),
  external: external.exactOptional(),
});

const throughput = z.looseObject({
  medianBytesPerSecond: z.number(),
  interval: interval.exactOptional(),
});

const strategy = z.looseObject({
  name: z.string(),
  label: z.string(),
  knobs: z.record(z.string(), z.union([z.number(), z.boolean()])),
  throughput: z.looseObject(perName(rateNames, throughput)).meta({
    description:
      'bytes per second: logical counts zeros, data does not, unique counts a chunk once, wire is what crossed the link',
  }),
  cpuSecondsPerGb: z
    .looseObject({ client: metric, server: metric, proof: metric })
    .meta({ description: 'per 10^9 data bytes' }),
  chunkLatencyMs: z.looseObject({ p50: metric, p95: metric, p99: metric, max: metric }),
  phaseShares: z.looseObject(perName(phases, z.number())),
  writeDisplacement: z.looseObject({ mean: metric, max: metric }).meta({ description: 'chunks' }),
  headOfLineWaitMs: z.looseObject({ p50: metric, p95: metric, max: metric }),
  peakBufferedBytes: metric,
  littlesLaw: z.looseObject({ predictedInFlight: metric, measuredInFlight: metric }),
  trials: z.array(trial),
});

const image = z.looseObject({
  sizeBytes: count,
  chunkSizeBytes: count,
  chunkCount: count,
  zeroChunkCount: count,
  uniqueChunkCount: count,
  dataBytes: count,
  uniqueBytes: count,
  storedBytes: count.exactOptional(),
  sampleOf: z.looseObject({ sizeBytes: count, sampling: z.enum(samplings) }).exactOptional(),
  chunks: z.literal('synthesised').exactOptional(),
  sha256: z.string().exactOptional(),
  snapshot: z.string(),
  archive: z.string(),
});

const calibration = z.looseObject({
  roundTripMs: z.looseObject({ median: z.number(), p95: z.number(), samples: count }),
  rateBytesPerSecond: metric,
  connectionRateBytesPerSecond: metric.exactOptional(),
});

const transport = z.looseObject({
  asked: z.looseObject({
    name: z.enum(transportNames),
    server: z.enum(transportNames),
    streamWindowBytes: count,
    connectionWindowBytes: count,
    updateThreshold: z.number().exactOptional(),
    maxFrameBytes: count,
    tlsCipher: z.enum(tlsCiphers).exactOptional(),
  }),
  negotiated: z.array(z.string()).meta({ description: 'TLS protocol and cipher suite' }),
});

const server = z
  .looseObject({
    repository: z.string(),
    namespace: z.string(),
    version: z.string(),
    route: z.looseObject({ interface: z.string().exactOptional(), speedBytesPerSecond: metric }),
    maxInFlight: count,
    maxRateBytesPerSecond: z.number().exactOptional(),
  })
  .meta({ description: 'of a run in mode real' });

const comparison = z.looseObject({
  of: z.string(),
  to: z.string(),
  ratio: z.number().exactOptional(),
  interval: interval.exactOptional(),
  pairs: count,
  verdict: z.enum(comparisonVerdicts),
});

const caseReport = z.looseObject({
  parameters: z.record(z.string(), z.union([z.number(), z.string()])),
  image: image.exactOptional(),
  link: z.looseObject({ asked: z.record(z.string(), z.number()), achieved: calibration.exactOptional() }),
  server: server.exactOptional(),
  pageCache: z.looseObject({ asked: z.enum(cacheStates), fromDiskShare: metric }).exactOptional(),
  transport: transport.exactOptional(),
  verdict,
  strategies: z.array(strategy),
  comparisons: z.array(comparison),
  use: z.array(useRow),
});

const profile = z
  .looseObject({
    tool: z.looseObject({ name: z.string(), version: z.string() }),
    process: z.enum(profiledProcesses),
    strategy: z.string(),
    covers: z.string(),
    files: z.array(z.looseObject({ path: z.string(), what: z.string() })),
    hotFunctions: z.union([
      z.array(
        z.looseObject({
          thread: z.string(),
          name: z.string(),
          location: z.string().exactOptional(),
          caller: z.string().exactOptional(),
          selfShare: z.number().meta({ description: '0..1 of the samples in which the thread was not idle' }),
        }),
      ),
      z.looseObject({ unavailable: z.string().min(1) }),
    ]),
    verdict: z.string().exactOptional(),
  })
  .meta({
    description: 'of a run by `restorelab profile`: none of its speeds is comparable with those of other runs',
  });

/** What report.json holds. */
export const reportSchema: z.ZodType<Report> = z.looseObject({
  formatVersion: count,
  tool,
  mode: z.enum(runModes),
  scenario: z.looseObject({
    name: z.string(),
    sha256: z.string(),
    file: z.string(),
    description: z.string().exactOptional(),
  }),
  host,
  startedAt: z.string(),
  status: runStatus,
  verdict,
  cases: z.array(caseReport),
  use: z.array(useRow),
  objectives: z.array(
    z.looseObject({
      text: z.string(),
      passed: z.boolean(),
      measured: z.number().exactOptional(),
      unit: z.enum(['ratio', 'bytesPerSecond', 'secondsPerGb', 'ms', 'bytes']).exactOptional(),
      reason: z.string().exactOptional(),
    }),
  ),
  warnings: z.array(z.looseObject({ code: z.string(), sentence: z.string() })),
  methods: z.array(z.string()),
  emulatorCeilingBytesPerSecond: metric,
  profile: profile.exactOptional(),
});

/** The content of schemas/report.schema.json. */
export const reportJsonSchema = (): string => jsonSchemaText('report.json of restorelab', reportSchema);
