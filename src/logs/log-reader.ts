import { StringDecoder } from 'node:string_decoder';

import { LineReader } from './line-reader.ts';
import { LogLines } from './log-lines.ts';
import {
  MAX_OPERATIONS,
  type LoggedOperation,
  type LoggedTest,
  type LogFlag,
  type ParsedLog,
} from './logged-operation.ts';
import { overlaps, type PrintedQuantity } from './printed-quantity.ts';
import { recomputeBenchmark } from './recompute-benchmark.ts';
import { recompute } from './recompute.ts';
import type {
  BenchmarkReading,
  BenchmarkTest,
  DetailReading,
  LoggedBytes,
  ProgressReading,
  Reading,
  SummaryReading,
  UploadReading,
} from './reading.ts';

/** An operation to which later lines may still add. */
interface Draft {
  readonly line: number;
  readonly summary: SummaryReading | ProgressReading;
  readonly archive: string | undefined;
  readonly settings: LoggedOperation['settings'];
  /** Beside those of the summary. */
  more: LoggedBytes;
}

interface BenchmarkDraft {
  line: number;
  readonly tests: Map<BenchmarkTest, BenchmarkReading>;
  chunks?: { readonly count: number; readonly duration: PrintedQuantity };
  timePerRequest?: PrintedQuantity;
}

/** Where the read bytes of a progress line stand for the whole, its zeros are those of the summary. */
const isOfSame = (progress: ProgressReading, summary: SummaryReading): boolean =>
  progress.kind === summary.kind && progress.bytes.logical?.value === summary.bytes.logical?.value;

/**
 * Reads a log of any length in bounded memory: bytes in pieces, then {@link end}. Anything that is not a line of a known
 * program is passed over.
 */
export class LogReader {
  readonly #decoder: StringDecoder = new StringDecoder('utf8');
  readonly #lines: LogLines;
  readonly #reader: LineReader;
  readonly #drafts: (Draft | BenchmarkDraft)[] = [];
  readonly #onProgress: ((progress: ProgressReading) => void) | undefined;
  #leftOut = 0;
  /** Heard before the summary that they belong to. */
  #settings: Partial<Record<'decodeThreads' | 'inFlight', number>> = {};
  #archive: string | undefined;
  #pending: LoggedBytes = {};
  #progress: { readonly reading: ProgressReading; readonly line: number } | undefined;

  /** @param onProgress told of every progress line as it is read */
  constructor(onProgress?: (progress: ProgressReading) => void) {
    this.#onProgress = onProgress;
    this.#reader = new LineReader((reading, line) => this.#take(reading, line));
    this.#lines = new LogLines((line, number) => this.#reader.push(line, number));
  }

  push(bytes: Uint8Array): void {
    this.#lines.push(this.#decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
  }

  /** To be called once. */
  end(): ParsedLog {
    this.#lines.push(this.#decoder.end());
    this.#lines.end();
    this.#reader.end();
    this.#leaveUnfinished();
    return {
      operations: this.#drafts.map((draft) => ('tests' in draft ? finishBenchmark(draft) : finish(draft))),
      leftOut: this.#leftOut,
      longLines: this.#lines.longLines,
    };
  }

  #take(reading: Reading, line: number): void {
    if (reading.type === 'summary') this.#takeSummary(reading, line);
    else if (reading.type === 'progress') this.#takeProgress(reading, line);
    else if (reading.type === 'benchmark') this.#takeTest(reading, line);
    else if (reading.type === 'uploaded-chunks' || reading.type === 'time-per-request') this.#takeUpload(reading, line);
    else this.#takeDetail(reading);
  }

  #takeSummary(summary: SummaryReading, line: number): void {
    const { reading: progress } = this.#progress ?? {};
    const isHeard = progress !== undefined && isOfSame(progress, summary);
    if (!isHeard && progress?.kind !== summary.kind) this.#leaveUnfinished();
    const more = {
      ...this.#pending,
      ...(isHeard && progress.bytes.zero !== undefined ? { zero: progress.bytes.zero } : {}),
    };
    this.#progress = undefined;
    this.#add({
      line,
      // The end of a VMA archive tells no time; its last progress line does.
      summary: summary.duration === undefined && isHeard ? { ...summary, duration: progress.duration } : summary,
      archive: summary.archive ?? this.#archive,
      settings: this.#settings,
      more,
    });
    this.#forget();
  }

  #takeProgress(reading: ProgressReading, line: number): void {
    this.#onProgress?.(reading);
    const before = this.#progress?.reading;
    const isNew =
      before !== undefined &&
      (before.kind !== reading.kind || (reading.bytes.logical?.low ?? 0) < (before.bytes.logical?.low ?? 0));
    if (isNew) this.#leaveUnfinished();
    this.#progress = { reading, line };
  }

  #takeDetail(reading: DetailReading): void {
    if (reading.type === 'setting') this.#settings = { ...this.#settings, [reading.name]: reading.value };
    else if (reading.type === 'archive') {
      if (this.#progress !== undefined) this.#leaveUnfinished();
      this.#archive = reading.archive;
    } else if (reading.type === 'zero') this.#pending = { ...this.#pending, zero: reading.bytes };
    else {
      const draft = this.#drafts.findLast(
        (one): one is Draft => !('tests' in one) && one.archive !== undefined && one.archive === reading.archive,
      );
      // vzdump tells what it reused before its summary.
      if (draft === undefined) this.#pending = { ...this.#pending, reused: reading.bytes };
      else draft.more = { ...draft.more, reused: reading.bytes };
    }
  }

  #takeTest(reading: BenchmarkReading, line: number): void {
    const last = this.#lastBenchmark();
    const known = last?.tests.get(reading.test);
    // Lines and table say the same of one benchmark.
    const isSame = known === undefined || overlaps(known.rate, reading.rate);
    const draft = last !== undefined && isSame ? last : this.#addBenchmark(line);
    draft.tests.set(reading.test, { ...known, ...reading });
    draft.line = line;
  }

  #takeUpload(reading: UploadReading, line: number): void {
    const last = this.#lastBenchmark();
    if (reading.type === 'uploaded-chunks')
      this.#addBenchmark(line).chunks = { count: reading.chunks, duration: reading.duration };
    else (last ?? this.#addBenchmark(line)).timePerRequest = reading.duration;
  }

  #lastBenchmark(): BenchmarkDraft | undefined {
    const last = this.#drafts.at(-1);
    return last !== undefined && 'tests' in last ? last : undefined;
  }

  #addBenchmark(line: number): BenchmarkDraft {
    const draft: BenchmarkDraft = { line, tests: new Map() };
    this.#add(draft);
    return draft;
  }

  #add(draft: Draft | BenchmarkDraft): void {
    if (this.#drafts.length < MAX_OPERATIONS) this.#drafts.push(draft);
    else this.#leftOut += 1;
  }

  /** What was heard of an operation whose summary never came. */
  #leaveUnfinished(): void {
    if (this.#progress === undefined) return;
    const { reading: summary, line } = this.#progress;
    this.#progress = undefined;
    this.#add({ line, summary, archive: this.#archive, settings: this.#settings, more: this.#pending });
    this.#forget();
  }

  #forget(): void {
    this.#settings = {};
    this.#archive = undefined;
    this.#pending = {};
  }
}

function finish({ line, summary, archive, settings, more }: Draft): LoggedOperation {
  const { kind, program, duration } = summary;
  const printed = summary.type === 'summary' ? summary.rates : [];
  const bytes = { ...more, ...summary.bytes };
  const told = { kind, line, bytes, printed, ...(duration === undefined ? {} : { duration }) };
  const { rates, flags } = recompute(told);
  const unfinished: LogFlag = {
    code: 'unfinished',
    line,
    sentence: `there is no line that says that the ${kind} was complete; the figures are those of its last progress`,
  };
  return {
    kind,
    program,
    line,
    ...(archive === undefined ? {} : { archive }),
    settings,
    bytes,
    ...(duration === undefined ? {} : { durationMs: duration }),
    printed,
    rates,
    tests: [],
    flags: summary.type === 'summary' ? flags : [...flags, unfinished],
  };
}

function finishBenchmark({ line, tests, chunks, timePerRequest }: BenchmarkDraft): LoggedOperation {
  const tls = tests.get('tls')?.rate;
  const { rates, flags } = recomputeBenchmark({
    line,
    ...(tls === undefined ? {} : { tls }),
    ...(chunks === undefined ? {} : { chunks }),
    ...(timePerRequest === undefined ? {} : { timePerRequest }),
  });
  return {
    kind: 'benchmark',
    program: 'proxmox-backup-client',
    line,
    settings: {},
    bytes: {},
    printed: [...tests.values()].map(({ rate }) => rate),
    rates,
    tests: [...tests.values()].map(testOf),
    flags,
  };
}

function testOf({ test, rate, percent, reference }: BenchmarkReading): LoggedTest {
  if (percent !== undefined) return { test, rate, shareOfReference: percent.value / 100 };
  return { test, rate, ...(reference === undefined ? {} : { shareOfReference: rate.value / reference }) };
}
