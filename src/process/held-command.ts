import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A small shell starts the command when it is told to, waits for it, says how it ended, and stays until it is released: it
 * is then the parent that has waited for the command, so that the kernel charges it with all that the command and its own
 * children used (`cutime` and the I/O of ended children), which can be read at leisure. A second one, there before the
 * command, ends the group should this process die: its end of the pipe is closed then.
 */
const HOLDER = `
( read -r _ <&5 || kill -s KILL 0 ) >/dev/null 2>&1 3<&- 4>&- &
watcher=$!
echo ready >&4
read -r _ <&3 || exit 0
"$@" </dev/null 3<&- 4>&- 5<&-
echo "$?" >&4
wait "$watcher"
`;

/** How long a program may take to end after it was asked to. */
const STOP_GRACE_MS = 2000;
const STOP_POLL_MS = 20;

export interface HeldCommandOptions {
  readonly cwd: string;
  /** Beside those of this process that {@link HeldCommandOptions.isInherited} lets pass. */
  readonly env: Readonly<Record<string, string>>;
  readonly isInherited: (name: string) => boolean;
}

/** A variable that the command and all that it starts has; by its value those can be found that have left everything else. */
const MARK = 'RESTORELAB_COMMAND';

/** A command in a session and process group of its own. Disposing it ends every process of the group. */
export class HeldCommand implements AsyncDisposable {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Exit code as shells count it, as soon as the command has ended; undefined when the group was ended. */
  readonly ended: Promise<number | undefined>;
  /** `NAME=value`, in the environment of each of its processes. */
  readonly mark: string;
  /** What it has of the environment of this process. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
  readonly #child: ChildProcess;
  readonly #order: Writable;
  readonly #watcher: Writable;
  readonly #closed: Promise<unknown>;

  private constructor(
    child: ChildProcess,
    lines: AsyncIterator<string>,
    { mark, inherited }: Pick<HeldCommand, 'mark' | 'inherited'>,
  ) {
    this.#child = child;
    this.inherited = inherited;
    this.mark = `${MARK}=${mark}`;
    this.stdout = child.stdout as Readable;
    this.stderr = child.stderr as Readable;
    // The types know five of the six.
    const pipes: readonly unknown[] = child.stdio;
    [this.#order, this.#watcher] = [pipes[3] as Writable, pipes[5] as Writable];
    // The shells may be gone before they are told.
    for (const pipe of [this.#order, this.#watcher]) pipe.on('error', () => {});
    this.#closed = once(child, 'close');
    this.ended = lines.next().then(({ done, value }) => (done === true ? undefined : Number(value)));
  }

  /** Starts the shell that will start the command. @throws the system error when there is no process to be had */
  static async prepare(
    command: readonly string[],
    { cwd, env, isInherited }: HeldCommandOptions,
  ): Promise<HeldCommand> {
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => isInherited(name)));
    const mark = randomUUID();
    const child = spawn('/bin/sh', ['-c', HOLDER, 'sh', ...command], {
      cwd,
      env: { ...inherited, ...env, [MARK]: mark },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
      // Ctrl-C of the terminal is for this process, which ends the group in order.
      detached: true,
    });
    await once(child, 'spawn');
    const lines = createInterface({ input: child.stdio[4] as Readable })[Symbol.asyncIterator]();
    await lines.next();
    return new HeldCommand(child, lines, { mark, inherited });
  }

  /** Of the shell, which is also the id of the session and of the group. */
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Starts the command. */
  start(): void {
    this.#order.write('start\n');
  }

  /** Lets the shell go once the command has ended and its usage was read; resolves when both streams are at their end. */
  async release(): Promise<void> {
    this.#watcher.end('end\n');
    // A stream that nobody reads has no end.
    for (const stream of [this.stdout, this.stderr]) stream.resume();
    await this.#closed;
  }

  /** Ends the group: asks first, then kills. Resolves when none of its processes is left. */
  async stop(): Promise<void> {
    this.#signalGroup('SIGTERM');
    const untilMs = performance.now() + STOP_GRACE_MS;
    while (this.#signalGroup(0) && performance.now() < untilMs) await sleep(STOP_POLL_MS);
    this.#signalGroup('SIGKILL');
    this.stdout.destroy();
    this.stderr.destroy();
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Whether there was anybody to get it. */
  #signalGroup(signal: NodeJS.Signals | 0): boolean {
    if (this.#child.pid === undefined) return false;
    try {
      return process.kill(-this.#child.pid, signal);
    } catch {
      return false;
    }
  }
}

/** Ends a process of this user for good; one that is gone already is no error. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
