// Synthetic records with exact times, for the tests of analysis and report.
import type { CaseSettings, StrategySettings } from '../../src/model/environment.ts';
import { metric, unavailable } from '../../src/model/metric.ts';
import type {
  CaseRecord,
  ImageFacts,
  ProcessUsage,
  RecordedCaseSettings,
  RunData,
  RunRecord,
  SpanColumn,
  SpanTable,
  TrialCounters,
  TrialRecord,
} from '../../src/model/records.ts';
import { spanColumns } from '../../src/model/records.ts';
import { defaultTransport } from '../../src/model/transport.ts';
import { MiB } from '../../src/model/units.ts';

const CHUNK = 4 * MiB;

export const image: ImageFacts = {
  sizeBytes: 100 * CHUNK,
  chunkSizeBytes: CHUNK,
  chunkCount: 100,
  zeroChunkCount: 10,
  uniqueChunkCount: 90,
  dataBytes: 90 * CHUNK,
  uniqueBytes: 90 * CHUNK,
  storedBytes: 90 * CHUNK,
  snapshot: 'vm/100/2026-02-16T16:30:44Z',
  archive: 'drive-scsi0.img.fidx',
};

/** Lengths of a chunk's phases in milliseconds. */
export interface PhaseLengths {
  readonly queued: number;
  readonly waiting: number;
  readonly receiving: number;
  readonly decoding: number;
  readonly held: number;
  readonly writing: number;
}

/** 58 ms a chunk, of which 36 (62 %) wait for the first byte. */
export const latencyBound: PhaseLengths = { queued: 1, waiting: 36, receiving: 9, decoding: 8, held: 1, writing: 3 };

export interface DrawnTrial {
  readonly spans: SpanTable;
  readonly durationMs: number;
}

/** Every tenth chunk is zero and takes no time; `inFlight` lanes run chunk after chunk, each with the same phases. */
export function drawTrial(inFlight: number, lengths: PhaseLengths, scale = 1, connections = 1): DrawnTrial {
  const rows: Record<SpanColumn, number | null>[] = [];
  const lanes = Array.from({ length: inFlight }, () => 0);
  for (let slot = 0; slot < image.chunkCount; slot += 1) {
    const lane = lanes.indexOf(Math.min(...lanes));
    const start = lanes[lane] ?? 0;
    if (slot % 10 === 9) {
      rows.push({ ...nothing, slot, writeCalledMs: start, writeStartedMs: start, writtenMs: start });
      continue;
    }
    const sent = start + lengths.queued * scale;
    const firstByte = sent + lengths.waiting * scale;
    const lastByte = firstByte + lengths.receiving * scale;
    const decoded = lastByte + lengths.decoding * scale;
    const writeStarted = decoded + lengths.held * scale;
    const written = writeStarted + lengths.writing * scale;
    lanes[lane] = written;
    rows.push({
      slot,
      connection: slot % connections,
      worker: 1,
      encodedBytes: CHUNK + 12,
      fetchCalledMs: start,
      requestSentMs: sent,
      firstByteMs: firstByte,
      lastByteMs: lastByte,
      decodeCalledMs: lastByte,
      decodeStartedMs: lastByte,
      decodedMs: decoded,
      writeCalledMs: writeStarted,
      writeStartedMs: writeStarted,
      writtenMs: written,
    });
  }
  rows.sort((a, b) => (a.writtenMs ?? 0) - (b.writtenMs ?? 0));
  const columns = Object.fromEntries(spanColumns.map((name) => [name, rows.map((row) => row[name])]));
  return { spans: columns as unknown as SpanTable, durationMs: Math.max(...lanes) };
}

const nothing = Object.fromEntries(spanColumns.map((name) => [name, null])) as Record<SpanColumn, null>;

/** Shares of the trial's duration; whatever is left out is a quiet 10 to 30 %. */
export interface Load {
  readonly link?: number;
  readonly storageSlots?: number;
  readonly storageBandwidth?: number;
  readonly writing?: number;
  readonly proof?: number;
  readonly relay?: number;
  readonly client?: number;
  readonly eventLoop?: number;
  readonly decode?: number;
  readonly allThreads?: number;
  readonly server?: number;
  /** CPU of all threads of the server, of all cores. */
  readonly serverThreads?: number;
  readonly bufferWaits?: number;
  readonly decodeThreads?: number;
}

function usage(cpuMs: number, mainMs: number): ProcessUsage {
  return {
    cpuMs: metric(cpuMs),
    mainThreadRunMs: metric(mainMs * 0.9),
    mainThreadWaitMs: metric(mainMs * 0.1),
    allThreadsRunMs: metric(cpuMs),
    allThreadsWaitMs: metric(0),
    residentBytes: metric(120 * MiB),
  };
}

export function counters(durationMs: number, settings: RecordedCaseSettings, load: Load = {}): TrialCounters {
  const decodeThreads = load.decodeThreads ?? 4;
  return {
    client: usage((load.allThreads ?? 0.15) * 2 * durationMs, (load.client ?? 0.2) * durationMs),
    server: usage((load.serverThreads ?? 0.1) * 2 * durationMs, (load.server ?? 0.15) * durationMs),
    relay: usage(0.1 * durationMs, (load.relay ?? 0.1) * durationMs),
    sampler: usage(0.01 * durationMs, 0.01 * durationMs),
    clientParts: {
      eventLoopUtilization: metric(load.eventLoop ?? 0.25),
      eventLoopDelayMs: { p50: metric(0.2), p99: metric(2), max: metric(5) },
      decodeThreads,
      decodeBusyMs: (load.decode ?? 0.1) * decodeThreads * durationMs,
      writeBusyMs: (load.writing ?? 0.05) * durationMs,
      proofCpuMs: (load.proof ?? 0.02) * durationMs,
      windowUtilization: metric(0.1),
      peakBufferedBytes: 8 * MiB,
      bufferWaits: load.bufferWaits ?? 0,
    },
    link: {
      bytesToClient: image.storedBytes,
      bytesToServer: 10_000,
      busyToClientMs:
        settings.link.rateBytesPerSecond === undefined
          ? unavailable('no rate is declared')
          : metric((load.link ?? 0.31) * durationMs),
      busyToServerMs: unavailable('no rate is declared'),
      peakQueuedBytes: CHUNK,
      connections: 1,
      errors: 0,
    },
    storage: {
      reads: 90,
      bytes: image.storedBytes,
      slotBusyMs: (load.storageSlots ?? 0.05) * settings.storage.queueDepth * durationMs,
      bandwidthBusyMs:
        load.storageBandwidth === undefined
          ? unavailable('no bandwidth is declared')
          : metric(load.storageBandwidth * durationMs),
      queueWaitMs: 0,
      errors: 0,
    },
  };
}

export const sequential: StrategySettings = {
  name: 'sequential',
  label: 'sequential',
  knobs: { inFlight: 1, decodeThreads: 1, writers: 1, bufferBytes: 256 * MiB, connections: 1, polite: false },
};
export const windowUnordered: StrategySettings = {
  name: 'window-unordered',
  label: 'window-unordered',
  knobs: { inFlight: 16, decodeThreads: 4, writers: 1, bufferBytes: 256 * MiB, connections: 1, polite: false },
};

export function caseSettings(changes: Partial<CaseSettings> = {}): CaseSettings {
  return {
    index: 0,
    parameters: {},
    server: { kind: 'embedded', chunks: 'files' },
    link: { roundTripMs: 30, jitterMs: 0, rateBytesPerSecond: 312_500_000 },
    transport: defaultTransport,
    storage: { readLatencyMs: 2, queueDepth: 32 },
    image: { sizeBytes: image.sizeBytes, zeroShare: 0.1, repeatedShare: 0, compressionRatio: 1, seed: 'restorelab' },
    history: { depth: 1, changeRate: 0 },
    target: { kind: 'discard' },
    strategies: [sequential, windowUnordered],
    ...changes,
  };
}

export function caseRecord(settings: CaseSettings = caseSettings(), changes: Partial<CaseRecord> = {}): CaseRecord {
  return {
    settings,
    image,
    link: {
      roundTripMs: { median: settings.link.roundTripMs + 0.1, p95: settings.link.roundTripMs + 0.4, samples: 50 },
      rateBytesPerSecond: metric((settings.link.rateBytesPerSecond ?? 1.5e9) * 0.99),
    },
    ...changes,
  };
}

export interface TrialOptions {
  readonly load?: Load;
  readonly lengths?: PhaseLengths;
  /** Of all times; 1.02 makes a trial 2 % slower. */
  readonly scale?: number;
  readonly connections?: number;
  /** Chunks that are really in flight at once; as many as the strategy may unless given. */
  readonly lanes?: number;
  readonly changes?: Partial<TrialRecord>;
}

/** A completed and verified trial of a strategy in a case. */
export function trial(
  record: CaseRecord,
  strategy: StrategySettings,
  block: number,
  {
    load = {},
    lengths = latencyBound,
    scale = 1,
    connections = 1,
    lanes = strategy.knobs.inFlight ?? 1,
    changes = {},
  }: TrialOptions = {},
): TrialRecord {
  const { spans, durationMs } = drawTrial(lanes, lengths, scale, connections);
  const strategies = record.settings.strategies.length;
  return {
    formatVersion: 1,
    index: block * strategies + record.settings.strategies.indexOf(strategy),
    block,
    warmUp: false,
    case: record.settings.index,
    strategy: strategy.label,
    status: 'completed',
    startedAtMs: 1000 + block * 10_000,
    durationMs,
    setupMs: 40,
    verified: true,
    proof: { method: 'crc32-per-chunk', problems: [] },
    bytes: {
      logical: image.sizeBytes,
      data: image.dataBytes,
      unique: image.uniqueBytes,
      wire: image.storedBytes + 50_000,
    },
    counters: counters(durationMs, record.settings, load),
    connection: {
      transport: { client: 'node:http2', server: 'node:http2' },
      tlsProtocol: 'TLSv1.3',
      tlsCipher: 'TLS_AES_256_GCM_SHA384',
    },
    spans,
    ...changes,
  };
}

export function runRecord(cases: readonly CaseRecord[], changes: Partial<RunRecord> = {}): RunRecord {
  return {
    formatVersion: 1,
    tool: { name: 'restorelab', version: '0.1.0', node: '24.21.0' },
    mode: 'emulate',
    scenario: {
      name: 'quickstart',
      file: 'scenarios/quickstart.yaml',
      sha256: 'ab'.repeat(32),
      text: 'name: quickstart\n',
    },
    host: { platform: 'linux', arch: 'x64', cpuModel: 'Example CPU 1', cores: 2, memoryBytes: 8 * 1024 * MiB },
    startedAt: '2026-02-16T16:30:44.000Z',
    endedAt: '2026-02-16T16:31:44.000Z',
    status: 'completed',
    clock: { source: 'CLOCK_MONOTONIC', startedAtMs: 500 },
    seed: '0123456789abcdef',
    trialSettings: { repeats: 5, warmUp: 0, order: 'interleaved', recording: true, stallTimeoutMs: 30_000 },
    cases,
    plan: [],
    objectives: [],
    emulatorCeilingBytesPerSecond: metric(1_500_000_000),
    warnings: [],
    ...changes,
  };
}

/** Deterministic noise of about 1 %, the same for every strategy of a block and a little of its own. */
const noise = [1, 1.012, 0.991, 1.006, 0.996];

/** Five blocks of both strategies: sequential at 58 ms a chunk, the window with 16 in flight at 208 ms a chunk. */
export function quickRun(changes: Partial<RunRecord> = {}): RunData {
  const record = caseRecord();
  return { run: planned(runRecord([record], changes)), trials: quickTrials(record) };
}

export function quickTrials(record: CaseRecord, sequentialLoad: Load = {}): readonly TrialRecord[] {
  const [first = sequential, second] = record.settings.strategies;
  return noise.flatMap((scale, block) => [
    trial(record, first, block, { scale, load: sequentialLoad }),
    ...(second === undefined
      ? []
      : [
          trial(record, second, block, {
            scale: scale * (1 + 0.01 * (block % 2)),
            lengths: windowed,
            load: { link: 0.8, client: 0.6 },
          }),
        ]),
  ]);
}

/** Sixteen in flight share link and decoders, so that each takes longer. */
const windowed: PhaseLengths = { queued: 2, waiting: 110, receiving: 60, decoding: 24, held: 6, writing: 6 };

function planned(run: RunRecord): RunRecord {
  const plan = noise.flatMap((_, block) =>
    run.cases.flatMap(({ settings }) =>
      settings.strategies.map((strategy, position) => ({
        index: block * settings.strategies.length + position,
        block,
        warmUp: false,
        case: settings.index,
        strategy: strategy.label,
      })),
    ),
  );
  return { ...run, plan };
}

/** Four cases: the round trip grows, and the last one is limited by its link. */
export function matrixRun(changes: Partial<RunRecord> = {}): RunData {
  const cases = [1, 10, 30, 100].map((roundTripMs, index) =>
    caseRecord(
      caseSettings({
        index,
        parameters: { 'link.roundTripMs': roundTripMs },
        link: { roundTripMs, jitterMs: 0, rateBytesPerSecond: 312_500_000 },
      }),
    ),
  );
  const trials = cases.flatMap((record, index) => quickTrials(record, index === 3 ? { link: 0.95 } : {}));
  return { run: planned(runRecord(cases, changes)), trials };
}
