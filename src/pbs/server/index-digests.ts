import { DIGEST_BYTES } from '../format/digest.ts';
import { parseFixedIndexHeader } from '../format/fixed-index.ts';
import { formatOf } from '../format/magic.ts';

/** Bytes before the entries of an index of either kind (spec 6.3, 6.4). */
const HEADER_BYTES = 4096;

/** End offset and digest (spec 6.4). */
const DYNAMIC_ENTRY_BYTES = 8 + DIGEST_BYTES;

/**
 * Digests of an index file. As a real server does when a reader opens an index, this looks at header and length and
 * leaves the checksum to the client.
 * @throws IntegrityError or Error that says what is wrong with the header
 */
export function indexDigests(kind: 'fixed' | 'dynamic', bytes: Uint8Array): Set<string> {
  return kind === 'fixed' ? fixedIndexDigests(bytes) : dynamicIndexDigests(bytes);
}

function fixedIndexDigests(bytes: Uint8Array): Set<string> {
  const { slotCount } = parseFixedIndexHeader(bytes);
  if (bytes.length !== HEADER_BYTES + slotCount * DIGEST_BYTES)
    throw new Error(`got unexpected index size (${bytes.length})`);
  return digestsAt(bytes, DIGEST_BYTES, 0);
}

function dynamicIndexDigests(bytes: Uint8Array): Set<string> {
  if (bytes.length < HEADER_BYTES) throw new Error(`index too small (${bytes.length})`);
  if (formatOf(bytes) !== 'dynamicIndex') throw new Error('got unknown magic number');
  if ((bytes.length - HEADER_BYTES) % DYNAMIC_ENTRY_BYTES !== 0)
    throw new Error(`got unexpected index size (${bytes.length})`);
  return digestsAt(bytes, DYNAMIC_ENTRY_BYTES, 8);
}

function digestsAt(bytes: Uint8Array, entryBytes: number, digestOffset: number): Set<string> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const digests = new Set<string>();
  for (let entry = HEADER_BYTES; entry < buffer.length; entry += entryBytes) {
    digests.add(buffer.toString('hex', entry + digestOffset, entry + digestOffset + DIGEST_BYTES));
  }
  return digests;
}
