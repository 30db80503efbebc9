import type { ExternalRecord } from './external.ts';
import type { CaseSettings, Sampling, TrialSettings } from './environment.ts';
import type { Metric } from './metric.ts';
import type { Objective } from './objective.ts';
import type { ProfileRecord } from './profile.ts';

/** Version of run.json, the trial files and samples.jsonl. Older ones are read, newer ones refused. */
export const recordFormatVersion = 1;

/** Where the server is: in the lab, or where the user has it. */
export const runModes = ['emulate', 'real'] as const;
export type RunMode = (typeof runModes)[number];

export type RunStatus = 'running' | 'completed' | 'interrupted' | 'failed';
export type TrialStatus = 'completed' | 'failed' | 'interrupted' | 'not-run';

export interface RecordedWarning {
  /** Stable, kebab-case. */
  readonly code: string;
  readonly sentence: string;
}

export interface RecordedError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** What is known of the machine; a missing field could not be read. */
export interface HostFacts {
  readonly platform: string;
  readonly arch: string;
  readonly cpuModel?: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly [fact: string]: unknown;
}

/** What the emulated link was found to do, before the first trial of a case. */
export interface LinkCalibration {
  /** Plain TCP echo through the emulator. */
  readonly roundTripMs: { readonly median: number; readonly p95: number; readonly samples: number };
  /** Bytes per second from server to client, one way, all connections together: as many as the asked rate needs. */
  readonly rateBytesPerSecond: Metric;
  /** Of one connection; unavailable where no limit of one was asked for, absent in records that are older than it. */
  readonly connectionRateBytesPerSecond?: Metric;
}

/** What is being restored, so that shares and ages can be told from records alone. */
export interface ImageFacts {
  readonly sizeBytes: number;
  readonly chunkSizeBytes: number;
  readonly chunkCount: number;
  readonly zeroChunkCount: number;
  /** Distinct non-zero digests. */
  readonly uniqueChunkCount: number;
  /** Bytes of non-zero chunks. */
  readonly dataBytes: number;
  /** Bytes of distinct non-zero chunks. */
  readonly uniqueBytes: number;
  /** Encoded bytes of distinct non-zero chunks as stored. */
  readonly storedBytes: number;
  /** Where its chunks come from, if not from files. */
  readonly chunks?: 'synthesised';
  /** SHA-256 of the whole image, hex, where known. */
  readonly sha256?: string;
  /** E.g. `vm/100/2026-02-16T16:30:44Z`. */
  readonly snapshot: string;
  readonly archive: string;
}

/** An image as a run knows it. */
export interface RecordedImage extends Omit<ImageFacts, 'storedBytes'> {
  /** Absent for an image of a real server, of which not every chunk was looked at. */
  readonly storedBytes?: number;
  /** Of which larger image this is a part, and how that was chosen. */
  readonly sampleOf?: { readonly sizeBytes: number; readonly sampling: Sampling };
}

/** Settings of a case; what older records do not have may be missing. */
export type RecordedCaseSettings = Omit<CaseSettings, 'transport'> & Partial<Pick<CaseSettings, 'transport'>>;

/** Through which of this machine's interfaces a server is reached. */
export interface NetworkRoute {
  readonly interface?: string;
  readonly speedBytesPerSecond: Metric;
}

/** The real server of a case. */
export interface ServerFacts {
  readonly repository: string;
  readonly namespace: string;
  /** `4.2.3` */
  readonly version: string;
  readonly route: NetworkRoute;
}

export interface CaseRecord {
  readonly settings: RecordedCaseSettings;
  readonly image?: RecordedImage;
  readonly link?: LinkCalibration;
  /** Of a run in mode `real`. */
  readonly server?: ServerFacts;
}

export interface PlannedTrial {
  /** Position in the run, from 0. */
  readonly index: number;
  /** Trials of one block are compared with one another. */
  readonly block: number;
  readonly warmUp: boolean;
  /** Index into `cases`. */
  readonly case: number;
  /** Label of the strategy. */
  readonly strategy: string;
}

/** `run.json` */
export interface RunRecord {
  readonly formatVersion: number;
  readonly tool: { readonly name: string; readonly version: string; readonly node: string };
  readonly mode: RunMode;
  readonly scenario: {
    readonly name: string;
    readonly file: string;
    readonly sha256: string;
    readonly text: string;
    readonly description?: string;
  };
  readonly host: HostFacts;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly status: RunStatus;
  /** All times in records are milliseconds on this monotonic clock, shared by every process of the run. */
  readonly clock: { readonly source: 'CLOCK_MONOTONIC'; readonly startedAtMs: number };
  /** Seed of the shuffle. */
  readonly seed: string;
  readonly trialSettings: TrialSettings;
  readonly cases: readonly CaseRecord[];
  readonly plan: readonly PlannedTrial[];
  readonly objectives: readonly Objective[];
  /** Bytes per second that the link emulator passed on this machine with no delay and no rate set. */
  readonly emulatorCeilingBytesPerSecond: Metric;
  readonly warnings: readonly RecordedWarning[];
  readonly error?: RecordedError;
}

/** What the first connection of a trial spoke. */
export interface ConnectionFacts {
  /** HTTP/2 implementation of each end. */
  readonly transport: { readonly client: string; readonly server: string };
  /** As negotiated: `TLSv1.3`. */
  readonly tlsProtocol: string;
  /** As negotiated, by its IANA name: `TLS_AES_256_GCM_SHA384`. */
  readonly tlsCipher: string;
}

/** CPU of one process between the start and the end of a trial. */
export interface ProcessUsage {
  /** User and system time of all threads. */
  readonly cpuMs: Metric;
  /** Time the main thread ran, and time it was runnable but waited for a core (schedstat). */
  readonly mainThreadRunMs: Metric;
  readonly mainThreadWaitMs: Metric;
  /** The same summed over all threads. */
  readonly allThreadsRunMs: Metric;
  readonly allThreadsWaitMs: Metric;
  readonly residentBytes: Metric;
}

/** What the link emulator counted during a trial. */
export interface LinkCounters {
  readonly bytesToClient: number;
  readonly bytesToServer: number;
  /** Time for which bytes were being paid out at the declared rate: its share of the trial is the utilization. */
  readonly busyToClientMs: Metric;
  readonly busyToServerMs: Metric;
  /** Largest number of bytes inside the emulator at once. */
  readonly peakQueuedBytes: number;
  readonly connections: number;
  readonly errors: number;
}

/** The page cache of chunk files before a trial: of how many it was asked to be dropped, or why not. */
export type PageCacheDrop = { readonly files: number } | { readonly unavailable: string };

/** What the emulated storage counted during a trial. */
export interface StorageCounters {
  readonly reads: number;
  readonly bytes: number;
  /** Summed over the places of the queue: time for which a place was taken by a read. */
  readonly slotBusyMs: number;
  /** Time for which the declared bandwidth was in use. */
  readonly bandwidthBusyMs: Metric;
  /** Summed time that reads waited for a place. */
  readonly queueWaitMs: number;
  readonly errors: number;
  /** What the server's processes really read from storage, indexes included; absent in older records. */
  readonly bytesFromDisk?: Metric;
}

/** What the client's own parts counted during a trial. */
export interface ClientCounters {
  /** Share of the trial for which the main thread's event loop was not idle. */
  readonly eventLoopUtilization: Metric;
  readonly eventLoopDelayMs: { readonly p50: Metric; readonly p99: Metric; readonly max: Metric };
  readonly decodeThreads: number;
  /** Summed over decode threads: time at work on chunks (decoding, and writes they execute, the proof's too), wall clock. */
  readonly decodeBusyMs: number;
  /** Time for which at least one write was running. */
  readonly writeBusyMs: number;
  /** CPU spent on proving the restored bytes; the harness's own cost, contained in the client's CPU. */
  readonly proofCpuMs: number;
  /** Largest share of an HTTP/2 receive window seen in use (connection window). */
  readonly windowUtilization: Metric;
  /** Largest number of encoded plus decoded bytes held at once. */
  readonly peakBufferedBytes: number;
  /** Fetches that had to wait because `bufferBytes` was used up. */
  readonly bufferWaits: number;
}

export interface TrialCounters {
  readonly client: ProcessUsage;
  /** Of all processes that served the trial, together; the main thread is that of the busiest. */
  readonly server: ProcessUsage;
  readonly relay: ProcessUsage;
  readonly sampler: ProcessUsage;
  /** Unavailable where the client was a program of its own. */
  readonly clientParts: ClientCounters | { readonly unavailable: string };
  /** Unavailable where no link is emulated. */
  readonly link: LinkCounters | { readonly unavailable: string };
  /** Unavailable when the server died, or is on another machine. */
  readonly storage: StorageCounters | { readonly unavailable: string };
}

/** Milliseconds from the start of the trial, except `slot`, `connection`, `worker` and the bytes. */
export const spanColumns = [
  'slot',
  'connection',
  'worker',
  'encodedBytes',
  /** The strategy asked for the chunk. */
  'fetchCalledMs',
  /** The request was handed to the transport. */
  'requestSentMs',
  'firstByteMs',
  'lastByteMs',
  'decodeCalledMs',
  'decodeStartedMs',
  'decodedMs',
  /** The strategy handed the chunk to the target; before that it was held for its turn. */
  'writeCalledMs',
  /** The writer took it. */
  'writeStartedMs',
  'writtenMs',
] as const;
export type SpanColumn = (typeof spanColumns)[number];

/** One column per name, one row per written chunk in the order of writing; null where a chunk has no such moment. */
export type SpanTable = Readonly<Record<SpanColumn, readonly (number | null)[]>>;

/** What restored bytes were held against. */
export interface ProofRecord {
  /** `crc32-per-chunk`: every write's offset, length and CRC-32; `sha256-of-file`: the whole target was read back; `-of-stdout`: as it came out; `sha256-per-chunk`: by the digests of the index. */
  readonly method: 'crc32-per-chunk' | 'sha256-of-file' | 'sha256-of-stdout' | 'sha256-per-chunk';
  /** Empty when verified: what differs, the first few, one clause each. */
  readonly problems: readonly string[];
}

export interface TrialBytes {
  /** Image bytes, zeros included. */
  readonly logical: number;
  /** Bytes of non-zero chunks. */
  readonly data: number;
  /** Bytes of distinct non-zero chunks. */
  readonly unique: number;
  /** Bytes that crossed the link from server to client; absent where nobody counts them: a program and a real server. */
  readonly wire?: number;
}

/** `trials/NNNN.json`, written as soon as the trial ends. */
export interface TrialRecord extends PlannedTrial {
  readonly formatVersion: number;
  readonly status: TrialStatus;
  readonly error?: RecordedError;
  /** On the run's clock. */
  readonly startedAtMs?: number;
  /** From the first request for a chunk until the target is finished. */
  readonly durationMs?: number;
  /** Login, upgrade, manifest and index, before that. */
  readonly setupMs?: number;
  readonly verified?: boolean;
  /** Why nobody can know whether the restored bytes are right; `verified` is absent then. */
  readonly notVerifiable?: string;
  readonly proof?: ProofRecord;
  /** Of the restored file, for file targets. */
  readonly sha256?: string;
  readonly bytes?: TrialBytes;
  readonly counters?: TrialCounters;
  /** Before the clock started; absent unless the case asks for a cold cache. */
  readonly pageCache?: PageCacheDrop;
  /** Absent where the trial never connected, and in older records. */
  readonly connection?: ConnectionFacts;
  /** Absent when recording was off. */
  readonly spans?: SpanTable;
  /** Of a trial that ran a program; it covers log-in and start-up too. */
  readonly external?: ExternalRecord;
}

/** A column of samples.jsonl: `counter`s only grow, `gauge`s are readings. */
export interface SampleColumn {
  /** E.g. `cpu.busyMs`, `process.server.cpuMs`, `disk.vda.writeBytes`. */
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
}

/** samples.jsonl: its first line is the header without `rows`, each further line one row. */
export interface SampleTable {
  readonly formatVersion: number;
  readonly intervalMs: number;
  /** The first column is always `timeMs` on the run's clock. */
  readonly columns: readonly SampleColumn[];
  /** Metrics that cannot be had here, and why. */
  readonly unavailable: Readonly<Record<string, string>>;
  /** null where a single reading failed. */
  readonly rows: readonly (readonly (number | null)[])[];
}

/** Everything a run directory holds. */
export interface RunData {
  readonly run: RunRecord;
  readonly trials: readonly TrialRecord[];
  /** Absent when recording was off or the sampler could not start. */
  readonly samples?: SampleTable;
  /** Absent unless the run was profiled. */
  readonly profile?: ProfileRecord;
}
