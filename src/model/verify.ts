import type { Metric, UseRow } from './metric.ts';
import type { HostFacts, ProcessUsage, RunRecord, SampleTable, SpanTable } from './records.ts';
import type { Phase, Verdict } from './report.ts';

/** Version of verify.json and of report.json of a verify. */
export const verifyFormatVersion = 1;

/** Of a kind, as PBS allows for its jobs (spec 10.2). */
export const MAX_VERIFY_THREADS = 32;

/** In which order the chunks of an archive are read: by the number of their inode (PBS's default), or as its index names them. */
export const readingOrders = ['inode', 'index'] as const;
export type ReadingOrder = (typeof readingOrders)[number];

export interface VerifySettings {
  /** Absolute path. */
  readonly datastore: string;
  /** `a/b`; of the snapshot. */
  readonly namespace?: string;
  /** All of the datastore where absent. */
  readonly snapshot?: string;
  /** Files read at a time. */
  readonly readThreads: number;
  /** Chunks checked at a time. */
  readonly verifyThreads: number;
  readonly order: ReadingOrder;
  /** Fingerprint of the key that was given. */
  readonly keyFingerprint?: string;
}

/** Something that is not as it should be, and where. */
export interface VerifyProblem {
  /** Stable, kebab-case. */
  readonly code: string;
  /** One clause. */
  readonly problem: string;
  /** Path of the file, below the datastore. */
  readonly file: string;
  /** Of a chunk. */
  readonly digest?: string;
  /** `ns/a/vm/100/2026-02-16T16:30:44Z/drive-scsi0.img.fidx`: what cannot be restored whole because of it. */
  readonly affects: readonly string[];
}

export interface VerifyOutcome {
  /** Interrupted: some chunks were not read. */
  readonly status: 'completed' | 'interrupted';
  readonly snapshotCount: number;
  readonly archiveCount: number;
  readonly slotCount: number;
  /** Distinct chunks. */
  readonly chunkCount: number;
  /** That were read, each once, damaged ones too. */
  readonly checkedCount: number;
  /** Sound chunks of which only the CRC-32 was checked, for want of the key. */
  readonly withoutKeyCount: number;
  readonly bytes: VerifiedBytes;
  readonly problems: readonly VerifyProblem[];
  /** One sentence each. */
  readonly warnings: readonly string[];
  /** On the clock of the verify, from the first read of a chunk to the last check. */
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** Time for which read threads had a file open, and verify threads were at work, each summed. */
  readonly readBusyMs: number;
  readonly verifyBusyMs: number;
}

export interface VerifiedBytes {
  /** Of all archives, every slot. */
  readonly logical: number;
  /** The same without full chunks of zeros; unknown where the key of an image is. */
  readonly data: Metric;
  /** Plain bytes of distinct chunks, and of those that were checked. */
  readonly unique: number;
  readonly checked: number;
  /** Sound chunks as stored. */
  readonly read: number;
}

/** `verify.json`: all that was measured. */
export interface VerifyRecord extends VerifyOutcome {
  readonly formatVersion: number;
  readonly tool: RunRecord['tool'];
  readonly host: HostFacts;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly settings: VerifySettings;
  /** Of this process, while chunks were read and checked. */
  readonly usage: ProcessUsage;
  /** One row for each sound chunk in the order of checking: `slot` counts them, `connection` is the read thread. */
  readonly spans?: SpanTable;
}

/** A verify with what its sampler saw. */
export interface VerifyData {
  readonly record: VerifyRecord;
  readonly samples?: SampleTable;
}

/** `report.json` of a verify; the fields have the meaning that they have in that of a run. */
export interface VerifyReport extends Omit<VerifyRecord, 'spans' | 'usage' | 'startedAtMs'> {
  readonly mode: 'verify';
  readonly verdict: Verdict;
  /** Bytes per second; `read` takes the place of a run's `wire`. */
  readonly throughput: Readonly<Record<'logical' | 'data' | 'unique' | 'read', Metric>>;
  /** Per 10^9 plain bytes of distinct chunks. */
  readonly cpuSecondsPerGb: Metric;
  readonly chunkLatencyMs: Readonly<Record<'p50' | 'p95' | 'p99' | 'max', Metric>>;
  readonly phaseShares: Partial<Readonly<Record<Phase, number>>>;
  readonly use: readonly UseRow[];
}
