import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { UsageError } from '../model/errors.ts';

/** Nobody's secret is longer. */
const MAX_OUTPUT_BYTES = 64 * 1024;

export interface CommandOutputOptions {
  /** What messages call the command: never its text, which may hold a secret. */
  readonly name: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly signal: AbortSignal;
}

/**
 * What a shell command prints. Its questions and complaints go to the terminal of this process.
 * @throws UsageError `command-failed`; the signal's reason when aborted
 */
export async function commandOutput(
  command: string,
  { name, env, cwd, signal }: CommandOutputOptions,
): Promise<string> {
  signal.throwIfAborted();
  const child = spawn('/bin/sh', ['-c', command], { cwd, env, stdio: ['inherit', 'pipe', 'inherit'] });
  const pieces: Buffer[] = [];
  let length = 0;
  child.stdout.on('data', (piece: Buffer) => {
    if (length < MAX_OUTPUT_BYTES) pieces.push(piece);
    length += piece.length;
  });
  const stop = (): void => void child.kill();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const [code, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    signal.throwIfAborted();
    if (code === 0) return Buffer.concat(pieces).toString('utf8');
    throw new UsageError(`the command of ${name} ended with ${killedBy ?? `exit code ${code}`}`, {
      code: 'command-failed',
      hint: 'run it by hand to see what it says',
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
