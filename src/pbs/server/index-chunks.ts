import { IntegrityError } from '../../model/errors.ts';
import { DIGEST_BYTES } from '../format/digest.ts';
import { DYNAMIC_ENTRY_BYTES } from '../format/dynamic-index.ts';
import { parseFixedIndexHeader } from '../format/fixed-index.ts';
import { INDEX_HEADER_BYTES } from '../format/index-header.ts';
import { formatOf } from '../format/magic.ts';

/**
 * Calls a function for every entry of an index file, with the digest and the bytes of its chunk; for none where the file
 * is refused. As a real server does when it opens an index, this looks at header and length and leaves the checksum to
 * the client.
 * @throws IntegrityError `index-magic`, `index-truncated`, `index-length` and those of `parseFixedIndexHeader`
 */
export function forEachChunk(
  kind: 'fixed' | 'dynamic',
  index: Uint8Array,
  use: (digest: string, length: number) => void,
): void {
  const bytes = Buffer.from(index.buffer, index.byteOffset, index.byteLength);
  if (kind === 'fixed') forEachFixed(bytes, use);
  else forEachDynamic(bytes, use);
}

function forEachFixed(bytes: Buffer, use: (digest: string, length: number) => void): void {
  const { size, chunkSize, slotCount } = parseFixedIndexHeader(bytes);
  if (bytes.length !== INDEX_HEADER_BYTES + slotCount * DIGEST_BYTES)
    throw refused('index-length', `got unexpected index size (${bytes.length})`);
  for (let slot = 0; slot < slotCount; slot += 1) {
    const at = INDEX_HEADER_BYTES + slot * DIGEST_BYTES;
    use(bytes.toString('hex', at, at + DIGEST_BYTES), Math.min(chunkSize, size - slot * chunkSize));
  }
}

function forEachDynamic(bytes: Buffer, use: (digest: string, length: number) => void): void {
  if (bytes.length < INDEX_HEADER_BYTES) throw refused('index-truncated', `index too small (${bytes.length})`);
  if (formatOf(bytes) !== 'dynamicIndex') throw refused('index-magic', 'got unknown magic number');
  if ((bytes.length - INDEX_HEADER_BYTES) % DYNAMIC_ENTRY_BYTES !== 0)
    throw refused('index-length', `got unexpected index size (${bytes.length})`);
  let start = 0;
  for (let at = INDEX_HEADER_BYTES; at < bytes.length; at += DYNAMIC_ENTRY_BYTES) {
    const end = Number(bytes.readBigUInt64LE(at));
    use(bytes.toString('hex', at + 8, at + DYNAMIC_ENTRY_BYTES), end - start);
    start = end;
  }
}

/** In the words of PBS, which the server passes on. */
const refused = (code: string, text: string): IntegrityError => new IntegrityError(text, { code });
