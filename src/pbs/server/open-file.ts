import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';

import { systemErrorCode } from '../../model/errors.ts';
import { osErrorText } from './os-error-text.ts';
import { Refusal } from './refusal.ts';

/** Files are sent in pieces of at most so many bytes, with no length announced (spec 4.1). */
export const DOWNLOAD_PIECE_BYTES = 8192;

/** Opened so that a link is refused, and that a pipe somebody has put there cannot hold the server up. */
export const READ_NO_LINK: number = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * A file that is sent piece by piece.
 * @throws Refusal 404 where there is none, else 400
 */
export async function openFile(path: string): Promise<Readable> {
  try {
    const file = await open(path, READ_NO_LINK);
    if ((await file.stat()).isFile()) return file.createReadStream({ highWaterMark: DOWNLOAD_PIECE_BYTES });
    await file.close();
    throw new Error('not a file');
  } catch (error) {
    const isAbsent = systemErrorCode(error) === 'ENOENT';
    throw new Refusal(
      isAbsent ? 404 : 400,
      `open file ${JSON.stringify(path)} failed - ${isAbsent ? 'not found' : osErrorText(error)}`,
    );
  }
}
