import { read } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

import { systemErrorCode, UsageError } from '../../model/errors.ts';
import { Secret } from '../../model/secret.ts';
import { commandOutput } from '../../process/command-output.ts';
import type { Environment, SecretSource } from './environment.ts';

export interface ReadSecretOptions {
  readonly env: Environment;
  /** Relative paths begin here, and commands run here. */
  readonly cwd: string;
  readonly signal: AbortSignal;
}

/** A first line is not longer; what is longer is something else. */
const MAX_LINE_BYTES = 64 * 1024;
const LINE_FEED = 0x0a;

const readBytes = promisify(read);

/**
 * Fetches a secret: of files, descriptors and commands the first line, without its end (spec 1.2). A descriptor can be
 * read once. Undefined for a credential that is not there.
 * @throws UsageError `secret-unreadable`, `secret-empty`, `command-failed`: none of them quotes what was read
 */
export async function readSecret(source: SecretSource, options: ReadSecretOptions): Promise<Secret | undefined> {
  if (source.kind === 'text') return source.secret;
  const line = await firstLineOf(source, options);
  if (line === undefined) return undefined;
  if (line === '') {
    throw new UsageError(`${source.name} gives an empty first line`, {
      code: 'secret-empty',
      hint: 'only the first line is read',
    });
  }
  return new Secret(line);
}

async function firstLineOf(
  source: Exclude<SecretSource, { kind: 'text' }>,
  { env, cwd, signal }: ReadSecretOptions,
): Promise<string | undefined> {
  if (source.kind === 'command') {
    const { command, name } = source;
    return firstLine(await commandOutput(command.reveal(), { name, env, cwd, signal }));
  }
  try {
    if (source.kind === 'descriptor') {
      return await readFirstLine(source.descriptor);
    }
    await using file = await open(resolve(cwd, source.path));
    return await readFirstLine(file.fd);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    if (code === 'ENOENT' && source.kind === 'file' && source.isOptional === true) return undefined;
    const what = source.kind === 'file' ? `the file ${source.path}` : `file descriptor ${source.descriptor}`;
    throw new UsageError(`${what} of ${source.name} cannot be read: ${code}`, {
      code: 'secret-unreadable',
      hint: 'its first line is the secret',
    });
  }
}

/** Without closing the descriptor, which belongs to whoever opened it. */
async function readFirstLine(descriptor: number): Promise<string> {
  const line = Buffer.alloc(MAX_LINE_BYTES);
  let length = 0;
  while (length < line.length && !line.subarray(0, length).includes(LINE_FEED)) {
    // The position is the descriptor's own: it may be a pipe.
    const { bytesRead } = await readBytes(descriptor, line, length, line.length - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return firstLine(line.toString('utf8', 0, length));
}

const firstLine = (text: string): string => /^[^\n]*/u.exec(text)?.[0].replace(/\r$/u, '') ?? '';
