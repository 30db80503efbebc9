import type { CaseSettings } from '../../../src/model/environment.ts';
import { metric, unavailable, type UseRow } from '../../../src/model/metric.ts';
import type {
  ClientCounters,
  LinkCounters,
  ProcessUsage,
  SpanTable,
  StorageCounters,
  TrialCounters,
  TrialRecord,
} from '../../../src/model/records.ts';
import { defaultTransport } from '../../../src/model/transport.ts';

/** One case with one strategy, `window`, of four slots and two decode threads. */
export const settings: CaseSettings = {
  index: 0,
  parameters: {},
  server: { kind: 'embedded', chunks: 'files' },
  link: { roundTripMs: 10, jitterMs: 0, rateBytesPerSecond: 1e8 },
  transport: defaultTransport,
  storage: { readLatencyMs: 1, queueDepth: 8, bandwidthBytesPerSecond: 1e9 },
  image: { sizeBytes: 4e6, zeroShare: 0, repeatedShare: 0, compressionRatio: 1, seed: 'a' },
  history: { depth: 1, changeRate: 0 },
  target: { kind: 'discard' },
  strategies: [
    {
      name: 'window-unordered',
      label: 'window',
      knobs: { inFlight: 4, decodeThreads: 2, writers: 1, bufferBytes: 1000, connections: 1, polite: false },
    },
  ],
};

export const host = { platform: 'linux', arch: 'x64', cores: 2, memoryBytes: 1e9 } as const;

const idle: ProcessUsage = {
  cpuMs: metric(0),
  mainThreadRunMs: metric(0),
  mainThreadWaitMs: metric(0),
  allThreadsRunMs: metric(0),
  allThreadsWaitMs: metric(0),
  residentBytes: metric(1e6),
};

interface Planted {
  readonly trial?: Partial<TrialRecord>;
  readonly usage?: Partial<Record<'client' | 'server' | 'relay' | 'sampler', Partial<ProcessUsage>>>;
  readonly parts?: Partial<ClientCounters>;
  readonly link?: Partial<LinkCounters>;
  readonly storage?: Partial<StorageCounters> | { readonly unavailable: string };
  readonly spans?: readonly Partial<Record<keyof SpanTable, number>>[];
}

/** A measured trial of one second in which nothing was used, except what is planted. */
export function plantTrial({
  trial = {},
  usage = {},
  parts = {},
  link = {},
  storage = {},
  spans,
}: Planted = {}): TrialRecord {
  const counters: TrialCounters = {
    client: { ...idle, ...usage.client },
    server: { ...idle, ...usage.server },
    relay: { ...idle, ...usage.relay },
    sampler: { ...idle, ...usage.sampler },
    clientParts: {
      eventLoopUtilization: metric(0),
      eventLoopDelayMs: { p50: metric(0), p99: metric(0), max: metric(0) },
      decodeThreads: 2,
      decodeBusyMs: 0,
      writeBusyMs: 0,
      proofCpuMs: 0,
      windowUtilization: metric(0),
      peakBufferedBytes: 0,
      bufferWaits: 0,
      ...parts,
    },
    link: {
      bytesToClient: 0,
      bytesToServer: 0,
      busyToClientMs: metric(0),
      busyToServerMs: metric(0),
      peakQueuedBytes: 0,
      connections: 1,
      errors: 0,
      ...link,
    },
    storage:
      'unavailable' in storage
        ? storage
        : { reads: 0, bytes: 0, slotBusyMs: 0, bandwidthBusyMs: metric(0), queueWaitMs: 0, errors: 0, ...storage },
  };
  return {
    formatVersion: 1,
    index: 0,
    block: 0,
    warmUp: false,
    case: 0,
    strategy: 'window',
    status: 'completed',
    startedAtMs: 1000,
    durationMs: 1000,
    verified: true,
    bytes: { logical: 4, data: 4, unique: 4, wire: 4 },
    counters,
    ...(spans === undefined ? {} : { spans: spanTable(spans) }),
    ...trial,
  };
}

const columns: readonly (keyof SpanTable)[] = [
  'slot',
  'connection',
  'worker',
  'encodedBytes',
  'fetchCalledMs',
  'requestSentMs',
  'firstByteMs',
  'lastByteMs',
  'decodeCalledMs',
  'decodeStartedMs',
  'decodedMs',
  'writeCalledMs',
  'writeStartedMs',
  'writtenMs',
];

const spanTable = (rows: readonly Partial<Record<keyof SpanTable, number>>[]): SpanTable =>
  Object.fromEntries(columns.map((column) => [column, rows.map((row) => row[column] ?? null)])) as unknown as SpanTable;

/** The row of a resource; one that says so when the table has none. */
export function rowOf(rows: readonly UseRow[], resource: string): UseRow {
  const missing = unavailable(`no row ${resource}`);
  return (
    rows.find((row) => row.resource === resource) ?? {
      resource: '',
      utilization: missing,
      saturation: missing,
      errors: missing,
    }
  );
}
