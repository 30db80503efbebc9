import { fork, type ChildProcess } from 'node:child_process';

import { KnownError, MachineError, type ErrorDetails, type ExitCode } from '../model/errors.ts';

/** The calls that a service process answers: name to handler, each with one parameter and a cloneable result. */
export type ServiceMethods<Methods> = { readonly [Name in keyof Methods]: (parameter: never) => unknown };

export interface ExitFacts {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** An error as it crosses the channel; with an exit code it was a KnownError. */
export interface CallError {
  readonly message: string;
  readonly code?: string;
  readonly exitCode?: ExitCode;
  readonly hint?: string;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: CallError;
}

/** A KnownError of another process. */
class ServiceError extends KnownError {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode, details: ErrorDetails) {
    super(message, details);
    this.exitCode = exitCode;
  }
}

interface PendingCall {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** How long a process may take to end by itself before it is killed. */
const STOP_GRACE_MS = 2000;

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
  readonly #answerMs: number;
  readonly #pending: Map<number, PendingCall> = new Map();
  #nextId = 0;
  #exit: ExitFacts | undefined;

  private constructor(name: string, child: ChildProcess, answerMs: number) {
    this.name = name;
    this.#answerMs = answerMs;
    this.#child = child;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#exit = { code, signal };
        for (const call of this.#pending.values()) call.reject(this.#gone());
        this.#pending.clear();
        resolve(this.#exit);
      });
    });
    child.on('message', (answer) => this.#settle(answer as Answer));
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
    { env, answerMs = ANSWER_MS }: { readonly env?: NodeJS.ProcessEnv; readonly answerMs?: number } = {},
  ): Promise<ServiceProcess<Methods>> {
    try {
      const child = fork(entry, [], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        serialization: 'advanced',
        ...(env === undefined ? {} : { env }),
      });
      const service = new ServiceProcess<Methods>(name, child, answerMs);
      await new Promise<void>((resolve, reject) => {
        child.once('message', () => resolve());
        // Alone, without `exit`, where there is no process at all.
        child.once('error', reject);
        void service.exited.then(({ code, signal }) =>
          reject(new Error(`it ended (${signal ?? `exit code ${code}`})`)),
        );
      });
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
    return this.#child.pid ?? -1;
  }

  get isRunning(): boolean {
    return this.#exit === undefined;
  }

  /**
   * Rejects with what the handler threw, or with a MachineError `process-ended` when the process is gone, also because
   * it did not answer and was killed for it.
   */
  async call<Name extends keyof Methods & string>(
    method: Name,
    ...parameter: Parameters<Methods[Name]>
  ): Promise<Awaited<ReturnType<Methods[Name]>>> {
    if (this.#exit !== undefined) throw this.#gone();
    const id = this.#nextId++;
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), this.#answerMs);
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        this.#child.send({ id, method, parameter: parameter[0] }, (error) => {
          if (error !== null && this.#pending.delete(id)) reject(this.#gone());
        });
      });
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#exit !== undefined) return;
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_GRACE_MS);
    await this.exited;
    clearTimeout(timer);
  }

  #settle({ id, result, error }: Answer): void {
    const call = this.#pending.get(id);
    if (call === undefined) return;
    this.#pending.delete(id);
    if (error === undefined) call.resolve(result as never);
    else call.reject(revive(error));
  }

  #gone(): MachineError {
    const how = this.#exit?.signal ?? (this.#exit?.code === undefined ? 'unreachable' : `exit code ${this.#exit.code}`);
    return new MachineError(`the ${this.name} process has ended (${how})`, { code: 'process-ended' });
  }
}

function revive({ message, code = 'internal', exitCode, hint }: CallError): Error {
  if (exitCode === undefined) return Object.assign(new Error(message), { code });
  return new ServiceError(message, exitCode, { code, ...(hint === undefined ? {} : { hint }) });
}
