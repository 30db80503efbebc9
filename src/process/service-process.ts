import { fork, type ChildProcess } from 'node:child_process';

import { MachineError } from '../model/errors.ts';
import { SocketChannel, type CallChannel } from './call-channel.ts';
import { fromCallError, type CallError } from './call-error.ts';
import { launchThrough, type Launcher } from './launch-through.ts';

/** The calls that a service process answers: name to handler, each with one parameter and a cloneable result. */
export type ServiceMethods<Methods> = { readonly [Name in keyof Methods]: (parameter: never) => unknown };

export interface ExitFacts {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** {@link ANSWER_MS} unless given; Infinity where an answer may take as long as it likes. */
  readonly answerMs?: number;
  /** Starts the module through another program, e.g. a profiler, which ends after the module and may take its time. */
  readonly launch?: Launcher;
  /** What the process tells without being asked. */
  readonly onEvent?: (event: unknown) => void;
}

/** An answer to a call; with the id -1 an event, or, first of all, that the process is ready. */
interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: CallError;
  readonly event?: unknown;
  /** Of the process that serves, which is not the one that was started where a program is between. */
  readonly pid?: number;
}

interface PendingCall {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** How long a process may take to end by itself before it is killed. */
const STOP_GRACE_MS = 2000;

/** The same for a program that was put between, which has to convert what it collected first. */
const LAUNCHED_STOP_GRACE_MS = 120_000;

/**
 * A process that owes an answer for so long hangs, and is killed so that the run goes on without it. The longest call,
 * the making of a certificate, takes a few seconds on a slow machine.
 */
const ANSWER_MS = 20_000;

/** URL of a sibling module's entry file, as source or compiled, whichever the caller itself is. */
export function entryUrl(name: string, importer: string): URL {
  return new URL(`${name}${importer.endsWith('.ts') ? '.ts' : '.js'}`, importer);
}

/**
 * A process of the run (server, link emulator, sampler) and calls to it over its IPC channel. It ends when this
 * object is disposed, and by itself when this process dies, since its channel is then closed.
 */
export class ServiceProcess<Methods extends ServiceMethods<Methods>> implements AsyncDisposable {
  readonly name: string;
  /** Resolves when the process has ended, whatever the reason. */
  readonly exited: Promise<ExitFacts>;
  readonly #child: ChildProcess;
  readonly #channel: CallChannel;
  readonly #options: StartOptions;
  readonly #pending: Map<number, PendingCall> = new Map();
  #nextId = 0;
  #exit: ExitFacts | undefined;
  #servingPid: number | undefined;
  /** Resolves with the first message. */
  readonly #ready: Promise<void>;

  private constructor(name: string, child: ChildProcess, channel: CallChannel, options: StartOptions) {
    this.name = name;
    this.#options = options;
    this.#child = child;
    this.#channel = channel;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#exit = { code, signal };
        this.#rejectCalls();
        resolve(this.#exit);
      });
    });
    this.#ready = new Promise((resolve) => {
      channel.on('message', (answer) => {
        this.#settle(answer as Answer);
        resolve();
      });
    });
    // The program between goes on for a while after the process that it started.
    if (channel !== child) channel.on('disconnect', () => this.#rejectCalls());
    // A write to a process that has just died surfaces here as well as in the call's own callback.
    child.on('error', () => {});
  }

  /**
   * Starts the module and resolves when it has called `serveCalls`.
   * @throws MachineError `process-not-started`
   */
  static async start<Methods extends ServiceMethods<Methods>>(
    name: string,
    entry: URL,
    options: StartOptions = {},
  ): Promise<ServiceProcess<Methods>> {
    const { env, launch } = options;
    try {
      if (launch !== undefined) {
        const { child, socket } = await launchThrough(launch, entry);
        const service = new ServiceProcess<Methods>(name, child, new SocketChannel(socket), options);
        await service.#isReady();
        return service;
      }
      const child = fork(entry, [], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        serialization: 'advanced',
        ...(env === undefined ? {} : { env }),
      });
      const service = new ServiceProcess<Methods>(name, child, child, options);
      await service.#isReady();
      return service;
    } catch (error) {
      throw new MachineError(`the ${name} process could not be started: ${(error as Error).message}`, {
        code: 'process-not-started',
        hint: 'check the limits on processes and memory (ulimit -a)',
        cause: error,
      });
    }
  }

  get pid(): number {
    return this.#servingPid ?? this.#child.pid ?? -1;
  }

  get isRunning(): boolean {
    return this.#exit === undefined && (this.#channel === this.#child || this.#channel.connected);
  }

  /**
   * Rejects with what the handler threw, or with a MachineError `process-ended` when the process is gone, also because
   * it did not answer and was killed for it.
   */
  async call<Name extends keyof Methods & string>(
    method: Name,
    ...parameter: Parameters<Methods[Name]>
  ): Promise<Awaited<ReturnType<Methods[Name]>>> {
    if (!this.isRunning) throw this.#gone();
    const id = this.#nextId++;
    const { answerMs = ANSWER_MS } = this.#options;
    const timer = answerMs === Infinity ? undefined : setTimeout(() => this.#kill(), answerMs);
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        this.#channel.send({ id, method, parameter: parameter[0] }, (error) => {
          if (error !== null && this.#pending.delete(id)) reject(this.#gone());
        });
      });
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#exit !== undefined) return;
    if (this.#channel.connected) this.#channel.disconnect();
    const graceMs = this.#options.launch === undefined ? STOP_GRACE_MS : LAUNCHED_STOP_GRACE_MS;
    const timer = setTimeout(() => this.#kill(), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  async #isReady(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      void this.#ready.then(resolve);
      // Alone, without `exit`, where there is no process at all.
      this.#child.once('error', reject);
      void this.exited.then(({ code, signal }) => reject(new Error(`it ended (${signal ?? `exit code ${code}`})`)));
    });
  }

  #kill(): void {
    this.#child.kill('SIGKILL');
    if (this.#servingPid === undefined || this.#channel === this.#child) return;
    try {
      process.kill(this.#servingPid, 'SIGKILL');
    } catch {
      // It has ended before the program that started it.
    }
  }

  #rejectCalls(): void {
    for (const call of this.#pending.values()) call.reject(this.#gone());
    this.#pending.clear();
  }

  #settle({ id, result, error, event, pid }: Answer): void {
    if (pid !== undefined) this.#servingPid = pid;
    if (event !== undefined) this.#options.onEvent?.(event);
    const call = this.#pending.get(id);
    if (call === undefined) return;
    this.#pending.delete(id);
    if (error === undefined) call.resolve(result as never);
    else call.reject(fromCallError(error));
  }

  #gone(): MachineError {
    const how = this.#exit?.signal ?? (this.#exit?.code === undefined ? 'unreachable' : `exit code ${this.#exit.code}`);
    return new MachineError(`the ${this.name} process has ended (${how})`, { code: 'process-ended' });
  }
}
