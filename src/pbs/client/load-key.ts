import { open } from 'node:fs/promises';

import { asMachineError, systemErrorCode, UsageError } from '../../model/errors.ts';
import type { CryptConfig } from '../format/crypt-config.ts';
import { openKeyFile, parseKeyFile, type OpenKeyOptions } from '../format/key-file.ts';

/** Real ones have less than 1 KiB. */
const MAX_KEY_FILE_BYTES = 64 * 1024;

/**
 * The encryption key of a file.
 * @throws UsageError `key-file-not-found`, and those of `parseKeyFile` and `openKeyFile`
 */
export async function loadKey(
  path: string,
  { passphrase }: Pick<OpenKeyOptions, 'passphrase'> = {},
): Promise<CryptConfig> {
  const file = parseKeyFile(await readKeyFile(path), path);
  return await openKeyFile(file, { name: path, ...(passphrase === undefined ? {} : { passphrase }) });
}

async function readKeyFile(path: string): Promise<string> {
  try {
    await using file = await open(path);
    // One byte more than allowed tells whether there is more; the size of a pipe or device says nothing.
    const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(MAX_KEY_FILE_BYTES + 1), position: null });
    if (bytesRead <= MAX_KEY_FILE_BYTES) return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'EISDIR') {
      throw new UsageError(`there is no encryption key ${path}`, {
        code: 'key-file-not-found',
        hint: 'name the file that `proxmox-backup-client key create` made',
      });
    }
    throw asMachineError(error, `reading the encryption key ${path}`);
  }
  throw new UsageError(`${path} is not an encryption key: it is longer than 64 KiB`, { code: 'key-file' });
}
