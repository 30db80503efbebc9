import type { PrintedQuantity } from './printed-quantity.ts';

/** Programs whose lines are known. */
export type LogProgram = 'pbs-restore' | 'proxmox-backup-client' | 'vzdump' | 'qmrestore' | 'proxmox-backup-server';

/** What was done: `verify` reads chunks where they lie, `benchmark` restores nothing. */
export type LoggedKind = 'restore' | 'backup' | 'verify' | 'benchmark';

/** A rate as it was printed. */
export interface PrintedRate extends PrintedQuantity {
  /** What it is of: a key of the bytes of its line, or a test of the benchmark. */
  readonly of: string;
  /** The same figure with the unit that it really is in, where the log says another: `314.21 MiB/s`. */
  readonly honestText: string;
}

/** Bytes that a line tells, by what they are. */
export interface LoggedBytes {
  /** All bytes of the image or archive, zeros included. */
  readonly logical?: PrintedQuantity;
  /** Of them, those of zero chunks or blocks. */
  readonly zero?: PrintedQuantity;
  /** Plain bytes of chunks that the server did not have. */
  readonly uploaded?: PrintedQuantity;
  /** Encoded bytes of these chunks, without framing. */
  readonly compressed?: PrintedQuantity;
  /** Plain bytes of chunks that the server had. */
  readonly reused?: PrintedQuantity;
  /** Of a verify: bytes of chunk files, and what they hold. */
  readonly stored?: PrintedQuantity;
  readonly plain?: PrintedQuantity;
}

/** An operation came to its end. */
export interface SummaryReading {
  readonly type: 'summary';
  readonly kind: LoggedKind;
  readonly program: LogProgram;
  readonly archive?: string;
  readonly bytes: LoggedBytes;
  /** Milliseconds. */
  readonly duration?: PrintedQuantity;
  readonly rates: readonly PrintedRate[];
}

/** How far an operation has come. */
export interface ProgressReading {
  readonly type: 'progress';
  readonly kind: LoggedKind;
  readonly program: LogProgram;
  readonly bytes: LoggedBytes;
  readonly duration: PrintedQuantity;
}

/** More about the operation before or after it. */
export type DetailReading =
  | { readonly type: 'setting'; readonly name: 'decodeThreads' | 'inFlight'; readonly value: number }
  | { readonly type: 'archive'; readonly archive: string }
  /** `archive` is absent where a program backs up one thing at a time and does not name it. */
  | {
      readonly type: 'reused';
      readonly archive?: string;
      readonly bytes: PrintedQuantity;
      readonly percent: PrintedQuantity;
    }
  | { readonly type: 'zero'; readonly bytes: PrintedQuantity };

/** One figure of `proxmox-backup-client benchmark`. */
export interface BenchmarkReading {
  readonly type: 'benchmark';
  readonly test: BenchmarkTest;
  readonly rate: PrintedRate;
  /** Of the speed of the reference machine. */
  readonly percent?: PrintedQuantity;
  /** Bytes per second of the reference machine, where the log tells it. */
  readonly reference?: number;
}

/** The upload test of the benchmark, of which the time is told too. */
export type UploadReading =
  | { readonly type: 'uploaded-chunks'; readonly chunks: number; readonly duration: PrintedQuantity }
  | { readonly type: 'time-per-request'; readonly duration: PrintedQuantity };

export const benchmarkTests = ['tls', 'sha256', 'compress', 'decompress', 'aes256_gcm', 'verify'] as const;
export type BenchmarkTest = (typeof benchmarkTests)[number];

/** What one line of a log says. */
export type Reading = SummaryReading | ProgressReading | DetailReading | BenchmarkReading | UploadReading;

/** A line that a program prints. */
export interface LineForm {
  /** Stands in every line of this form, and, where a mail program has broken it, in the first part. */
  readonly hint: RegExp;
  /** With the flag `g`. */
  readonly pattern: RegExp;
  /** undefined where the figures make no sense. */
  read(groups: Readonly<Record<string, string | undefined>>): Reading | undefined;
}
