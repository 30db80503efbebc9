import { join } from 'node:path';

import { archiveKind } from '../format/archive-name.ts';
import { MAX_INDEX_BYTES } from '../format/index-header.ts';
import { forEachChunk } from './index-chunks.ts';
import { DOWNLOAD_PIECE_BYTES, openFile } from './open-file.ts';
import { osErrorText } from './os-error-text.ts';
import { readWholeFile } from './read-whole-file.ts';
import { Refusal } from './refusal.ts';

/**
 * A file of a snapshot as it is sent to a client. Of an index every chunk is registered first.
 * @throws Refusal 400, or 404 for a blob that is not there
 */
export async function openSnapshotFile(
  folder: string,
  fileName: string,
  register: (digest: string, length: number) => void,
): Promise<AsyncIterable<Uint8Array>> {
  const kind = archiveKind(fileName);
  if (kind === undefined) throw new Refusal(400, `unknown archive type: ${JSON.stringify(fileName)}`);
  const path = join(folder, fileName);
  if (kind === 'blob') return await openFile(path);
  try {
    const bytes = await readWholeFile(path, MAX_INDEX_BYTES);
    forEachChunk(kind, bytes, register);
    return pieces(bytes);
  } catch (error) {
    throw new Refusal(400, `Unable to open ${kind} index ${JSON.stringify(path)} - ${osErrorText(error)}`);
  }
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let offset = 0; offset < bytes.length; offset += DOWNLOAD_PIECE_BYTES) {
    yield bytes.subarray(offset, offset + DOWNLOAD_PIECE_BYTES);
  }
}
