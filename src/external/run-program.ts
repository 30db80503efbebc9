import { setTimeout as sleep } from 'node:timers/promises';

import { LogReader } from '../logs/log-reader.ts';
import type { LoggedOperation } from '../logs/logged-operation.ts';
import { ProcessTree, type TreeReading } from '../metrics/process-tree.ts';
import { exitCodes, KnownError, type ExitCode } from '../model/errors.ts';
import {
  treeColumns,
  type ExternalRecord,
  type PrintedFigures,
  type TreeColumn,
  type TreeUsage,
} from '../model/external.ts';
import { metric, unavailable, type Metric } from '../model/metric.ts';
import { rateNames, type RateName } from '../model/objective.ts';
import type { Clock } from '../model/ports.ts';
import { formatDuration } from '../model/units.ts';
import { HeldCommand, killProcess } from '../process/held-command.ts';
import { LastWords } from '../process/last-words.ts';

/** A program that did not restore (exit 3). */
export class ProgramError extends KnownError {
  readonly exitCode: ExitCode = exitCodes.trials;
}

export interface ProgramOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  /** Recorded as it is. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables that are recorded nowhere, and whose values are hidden in what the program says. */
  readonly secretEnv: Readonly<Record<string, string>>;
  /** Takes the program's standard output; a part of its log without it. */
  readonly onOutput?: (bytes: Uint8Array) => void;
  /** Image bytes so far, by the progress lines of the program. */
  readonly onProgress: (logicalBytes: number) => void;
  /** A count that changes while the restore goes on, whatever the program says; its processes are as they were last seen. */
  readonly readActivity: (seen: TreeReading | undefined) => Promise<number>;
  readonly stallTimeoutMs: number;
  readonly timeLimitMs: number | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** How a program ran, whether well or not. */
export interface ProgramRun extends ExternalRecord {
  readonly startedAtMs: number;
  /** From its start until it had ended, or was ended. */
  readonly durationMs: number;
  /** Why it is no restore, if it is none: a ProgramError, or the reason of the signal. */
  readonly error?: unknown;
}

/** The first samples are taken sooner, since a restore may be short. */
const FIRST_SAMPLES_MS = [20, 60, 150, 300] as const;
const SAMPLE_INTERVAL_MS = 500;
/** More than are of use to anybody; then every second one is dropped, and half as many are taken from then on. */
const MAX_SAMPLES = 1200;
/** What is about to end by itself was not left behind. */
const SETTLE_MS = 50;

/**
 * Runs a program to its end and looks at its processes meanwhile. Nothing of it is left when this resolves, however it
 * ended: the process group is ended, and what has left the group one by one.
 * @throws the system error when no process can be had
 */
export async function runProgram(options: ProgramOptions): Promise<ProgramRun> {
  const { command, cwd, env, secretEnv, clock } = options;
  await using held = await HeldCommand.prepare(command, {
    cwd,
    env: { ...env, ...secretEnv },
    isInherited: (name) => !name.startsWith('PBS_') || name.startsWith('PBS_ENCRYPTION_PASSWORD'),
  });
  const run = new RunningProgram(held, options);
  const startedAtMs = clock.now();
  held.start();
  const ending = await run.watch(startedAtMs);
  const durationMs = clock.now() - startedAtMs;
  const finished = await run.finish(ending);
  return { command, env, startedAtMs, durationMs, ...finished };
}

/** `exitCode` is absent where the program was stopped. */
interface Ending {
  readonly exitCode?: number;
  readonly error?: unknown;
}

class RunningProgram {
  readonly #held: HeldCommand;
  readonly #options: ProgramOptions;
  readonly #tree: ProcessTree | undefined;
  readonly #words: LastWords;
  readonly #logs: readonly [LogReader, LogReader];
  readonly #samples: Record<TreeColumn, (number | null)[]>;
  readonly #peaks: { processes: number; residentBytes: number; connections: number | undefined };
  #last: TreeReading | undefined;
  #heardBytes = 0;
  #intervalMs: number = SAMPLE_INTERVAL_MS;

  constructor(held: HeldCommand, options: ProgramOptions) {
    this.#held = held;
    this.#options = options;
    this.#words = new LastWords([...Object.values(options.secretEnv), held.inherited['PBS_ENCRYPTION_PASSWORD'] ?? '']);
    const reader = (): LogReader =>
      new LogReader(({ bytes: { logical } }) => {
        if (logical !== undefined) options.onProgress(logical.value);
      });
    this.#logs = [reader(), reader()];
    this.#samples = Object.fromEntries(treeColumns.map((name) => [name, []])) as unknown as Record<
      TreeColumn,
      (number | null)[]
    >;
    this.#peaks = { processes: 0, residentBytes: 0, connections: undefined };
    this.#tree = ProcessTree.unsupported === undefined ? new ProcessTree(held.pid) : undefined;
    const { onOutput } = options;
    held.stderr.on('data', (bytes: Buffer) => this.#hear(bytes, 0));
    held.stdout.on('data', (bytes: Buffer) => {
      if (onOutput === undefined) this.#hear(bytes, 1);
      else {
        this.#heardBytes += bytes.length;
        onOutput(bytes);
      }
    });
  }

  /** Resolves when the program has ended or must be stopped. */
  async watch(startedAtMs: number): Promise<Ending> {
    const { signal } = this.#options;
    const ended = this.#held.ended.then((exitCode): Ending => (exitCode === undefined ? {} : { exitCode }));
    const over = new AbortController();
    const stop = AbortSignal.any([over.signal, signal]);
    const aborted = new Promise<Ending>((resolve) => {
      const abort = (): void => resolve({ error: signal.reason });
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true, signal: over.signal });
    });
    try {
      return await Promise.race([ended, aborted, this.#sample(startedAtMs, stop)]);
    } finally {
      over.abort();
    }
  }

  /** Ends what is left of it and adds up. */
  async finish({
    exitCode,
    error,
  }: Ending): Promise<Omit<ProgramRun, 'command' | 'env' | 'startedAtMs' | 'durationMs'>> {
    this.#tree?.adopt(this.#held.mark);
    this.#look();
    const leftBehind = exitCode === undefined ? [] : await this.#findLeftBehind();
    if (exitCode === undefined) await this.#held.stop();
    for (const pid of this.#tree?.pids ?? []) if (this.#tree?.isAlive(pid) === true) killProcess(pid);
    if (exitCode !== undefined) await this.#held.release();
    return {
      ...(exitCode === undefined ? {} : { exitCode }),
      usage: this.#usage(),
      samples: this.#samples,
      figures: this.#logs.flatMap((log) => log.end().operations.map(printedFigures)),
      leftBehind: leftBehind.length,
      ...(exitCode === 0 ? {} : { error: error ?? this.#failure(exitCode) }),
    };
  }

  async #findLeftBehind(): Promise<readonly number[]> {
    if ((this.#tree?.pids ?? []).length === 0) return [];
    await sleep(SETTLE_MS);
    this.#look();
    return this.#tree?.pids ?? [];
  }

  /** Resolves only if the program must be stopped. */
  async #sample(startedAtMs: number, over: AbortSignal): Promise<Ending> {
    const { clock, stallTimeoutMs, timeLimitMs = Infinity, readActivity } = this.#options;
    let activity: string | undefined;
    let progressMs = startedAtMs;
    for (let turn = 0; ; turn += 1) {
      const waitMs = FIRST_SAMPLES_MS[turn] ?? this.#intervalMs;
      await clock.sleep(Math.min(waitMs, stallTimeoutMs), over).catch(() => {});
      if (over.aborted) return await new Promise<never>(() => {});
      this.#look(startedAtMs);
      const nowMs = clock.now();
      const counted = await readActivity(this.#last).catch(() => 0);
      const seen = JSON.stringify([counted, this.#heardBytes, this.#last?.io?.writtenBytes]);
      if (seen !== activity) progressMs = nowMs;
      activity = seen;
      if (nowMs - progressMs >= stallTimeoutMs) {
        return {
          error: new ProgramError(
            `${this.#name} was ended: it fetched, wrote and said nothing for ${formatDuration(stallTimeoutMs)}${this.#said()}`,
            { code: 'external-stalled', hint: 'raise trials.stallTimeout if such a pause is as it should be' },
          ),
        };
      }
      if (nowMs - startedAtMs >= timeLimitMs) {
        return {
          error: new ProgramError(
            `${this.#name} was ended: it took longer than its limit of ${formatDuration(timeLimitMs)}${this.#said()}`,
            { code: 'external-time-limit', hint: 'raise its timeLimit, or restore a smaller image' },
          ),
        };
      }
    }
  }

  /** Reads the tree, and keeps it as a sample where the time of the start is given. */
  #look(startedAtMs?: number): void {
    const reading = this.#tree?.scan();
    if (reading === undefined) return;
    this.#last = reading;
    this.#peaks.processes = Math.max(this.#peaks.processes, reading.processes);
    this.#peaks.residentBytes = Math.max(this.#peaks.residentBytes, reading.residentBytes);
    if (reading.connections !== undefined)
      this.#peaks.connections = Math.max(this.#peaks.connections ?? 0, reading.connections);
    if (startedAtMs === undefined) return;
    const { cpuMs, processes, threads, residentBytes, io, connections } = reading;
    const row = {
      timeMs: Math.round(this.#options.clock.now() - startedAtMs),
      cpuMs,
      processes,
      threads,
      residentBytes,
      readBytes: io?.readBytes ?? null,
      writtenBytes: io?.writtenBytes ?? null,
      connections: connections ?? null,
    };
    for (const name of treeColumns) this.#samples[name].push(row[name]);
    if (this.#samples.timeMs.length >= MAX_SAMPLES) this.#thin();
  }

  #thin(): void {
    for (const name of treeColumns) this.#samples[name] = this.#samples[name].filter((_, index) => index % 2 === 1);
    this.#intervalMs *= 2;
  }

  #usage(): TreeUsage {
    const reading = this.#last;
    const reason = ProcessTree.unsupported ?? 'not sampled: the program had ended';
    const of = (value: number | undefined): Metric =>
      reading === undefined
        ? unavailable(reason)
        : value === undefined
          ? unavailable('not permitted: /proc/PID of its processes')
          : metric(value);
    return {
      cpuMs: of(reading?.cpuMs),
      storageReadBytes: of(reading?.io?.storageReadBytes),
      storageWrittenBytes: of(reading?.io?.storageWrittenBytes),
      readBytes: of(reading?.io?.readBytes),
      writtenBytes: of(reading?.io?.writtenBytes),
      peakResidentBytes: of(this.#peaks.residentBytes),
      peakProcesses: of(this.#peaks.processes),
      peakConnections: of(this.#peaks.connections),
    };
  }

  #hear(bytes: Buffer, stream: 0 | 1): void {
    this.#heardBytes += bytes.length;
    this.#words.push(bytes);
    this.#logs[stream].push(bytes);
  }

  get #name(): string {
    return this.#options.command[0] ?? 'the program';
  }

  #said(): string {
    const { lines } = this.#words;
    return lines === '' ? '' : `; it said last:\n${lines}`;
  }

  #failure(exitCode: number | undefined): ProgramError {
    const how = exitCode === undefined ? 'was ended from outside' : `ended with exit code ${exitCode}`;
    return new ProgramError(`${this.#name} ${how}${this.#said()}`, {
      code: 'external-failed',
      hint: 'run the command of the trial record by hand, with PBS_PASSWORD and PBS_FINGERPRINT in the environment',
    });
  }
}

/** Of an operation that a program logged, what a record keeps. */
function printedFigures({ printed, durationMs, rates, flags }: LoggedOperation): PrintedFigures {
  const known = rateNames.map((name): [RateName, Metric] => {
    const rate = rates[name];
    return [name, 'unavailable' in rate ? rate : metric(rate.bytesPerSecond)];
  });
  return {
    printed: printed.map(({ honestText, of }) => `${honestText} (${of})`),
    ...(durationMs === undefined ? {} : { durationMs: durationMs.value }),
    rates: Object.fromEntries(known) as Record<RateName, Metric>,
    flags: flags.map(({ sentence }) => sentence),
  };
}
