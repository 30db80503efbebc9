import { open } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

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
    // One byte more than allowed tells whether there is more; the size of a pipe says nothing, nor does one read of it.
    const bytes = await buffer(file.createReadStream({ end: MAX_KEY_FILE_BYTES }));
    if (bytes.length <= MAX_KEY_FILE_BYTES) return bytes.toString();
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
