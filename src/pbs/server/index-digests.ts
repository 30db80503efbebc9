import { IntegrityError } from '../../model/errors.ts';
import { DIGEST_BYTES } from '../format/digest.ts';
import { parseFixedIndexHeader } from '../format/fixed-index.ts';
import { formatOf } from '../format/magic.ts';

/** Bytes before the entries of an index of either kind (spec 6.3, 6.4). */
const HEADER_BYTES = 4096;

/** End offset and digest (spec 6.4). */
const DYNAMIC_ENTRY_BYTES = 8 + DIGEST_BYTES;

/**
 * Adds the digests of an index file to a set, which stays as it is where the file is refused. As a real server does when a reader opens an index, this looks at header and length and
 * leaves the checksum to the client.
 * @throws IntegrityError `index-magic`, `index-truncated`, `index-length` and those of `parseFixedIndexHeader`
 */
export function addIndexDigests(digests: Set<string>, kind: 'fixed' | 'dynamic', bytes: Uint8Array): void {
  if (kind === 'fixed') addFixedIndexDigests(digests, bytes);
  else addDynamicIndexDigests(digests, bytes);
}

function addFixedIndexDigests(digests: Set<string>, bytes: Uint8Array): void {
  const { slotCount } = parseFixedIndexHeader(bytes);
  if (bytes.length !== HEADER_BYTES + slotCount * DIGEST_BYTES)
    throw refused('index-length', `got unexpected index size (${bytes.length})`);
  addDigestsAt(digests, bytes, DIGEST_BYTES, 0);
}

function addDynamicIndexDigests(digests: Set<string>, bytes: Uint8Array): void {
  if (bytes.length < HEADER_BYTES) throw refused('index-truncated', `index too small (${bytes.length})`);
  if (formatOf(bytes) !== 'dynamicIndex') throw refused('index-magic', 'got unknown magic number');
  if ((bytes.length - HEADER_BYTES) % DYNAMIC_ENTRY_BYTES !== 0)
    throw refused('index-length', `got unexpected index size (${bytes.length})`);
  addDigestsAt(digests, bytes, DYNAMIC_ENTRY_BYTES, 8);
}

function addDigestsAt(digests: Set<string>, bytes: Uint8Array, entryBytes: number, digestOffset: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let entry = HEADER_BYTES; entry < buffer.length; entry += entryBytes) {
    digests.add(buffer.toString('hex', entry + digestOffset, entry + digestOffset + DIGEST_BYTES));
  }
}

/** In the words of PBS, which the server passes on. */
const refused = (code: string, text: string): IntegrityError => new IntegrityError(text, { code });
