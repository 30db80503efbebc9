import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { MachineError } from '../model/errors.ts';
import { LastWords } from './last-words.ts';
import type { Launcher } from './launch-through.ts';

/** Hears what a program says, on both streams. */
function wordsOf({ stdout, stderr }: ChildProcess): LastWords {
  const words = new LastWords();
  for (const stream of [stdout, stderr]) stream?.on('data', (piece: Buffer) => words.push(piece));
  return words;
}

/** @returns an error that names the program and repeats its last words */
function programFailed(name: string, how: string, words: LastWords): MachineError {
  const { lines } = words;
  return new MachineError(`${name} ${how}${lines === '' ? '' : `; it said last:\n${lines}`}`, {
    code: 'profiler-failed',
    hint: 'what was collected until then is in the folder `profile` of the run directory; --with inspector needs no other program',
  });
}

export interface ProgramOptions {
  /** What messages call it. */
  readonly name: string;
  readonly cwd: string;
  /** Beside those of this process. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * Runs a script with this Node.js to its end.
 * @throws MachineError `profiler-failed`, or the reason of the signal
 */
export async function runScript(
  args: readonly string[],
  { name, cwd, variables }: ProgramOptions,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const words = wordsOf(child);
  const stop = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  try {
    const [code, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    signal.throwIfAborted();
    if (code !== 0) throw programFailed(name, `ended with ${killedBy ?? `exit code ${code}`}`, words);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** A script that starts another module of this program with Node.js, as profilers do: `script ARGS -- node MODULE`. */
export class LaunchingScript {
  readonly #options: ProgramOptions;
  readonly #args: readonly string[];
  #words: LastWords = new LastWords();
  #child: ChildProcess | undefined;

  constructor(args: readonly string[], options: ProgramOptions) {
    this.#args = args;
    this.#options = options;
  }

  /** To be called once. */
  readonly launch: Launcher = (entryPath, variables) => {
    const { cwd, variables: own } = this.#options;
    const child = spawn(process.execPath, [...this.#args, '--', process.execPath, entryPath], {
      cwd,
      env: { ...process.env, ...own, ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C of the terminal is for this process, which ends the module in order, so that the script still collects.
      detached: true,
    });
    this.#words = wordsOf(child);
    this.#child = child;
    return child;
  };

  /** @throws MachineError `profiler-failed` with its last words, unless the script has ended well */
  assertEndedWell(): void {
    const { exitCode, signalCode } = this.#child ?? { exitCode: null, signalCode: null };
    if (exitCode === 0) return;
    const how = signalCode ?? (exitCode === null ? 'before it was started' : `exit code ${exitCode}`);
    throw programFailed(this.#options.name, `ended with ${how}`, this.#words);
  }
}
