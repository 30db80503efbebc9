import { DynamicIndex, parseDynamicIndex, readDynamicIndexStream } from './dynamic-index.ts';
import { FixedIndex, parseFixedIndex, readFixedIndexStream } from './fixed-index.ts';
import type { CryptConfig } from './crypt-config.ts';
import type { IndexKind } from './index-header.ts';

/**
 * Which chunks an archive is made of: of an image all have one length but the last, of a stream of files each has its own.
 * What restores or verifies needs only `slots()`, `size` and `csum`, and treats both alike.
 */
export type ArchiveIndex = FixedIndex | DynamicIndex;

export interface ReadArchiveIndexOptions {
  /** Of an encrypted archive: without it no chunk of an image is known to be zeros. */
  readonly crypt?: CryptConfig;
  /** Bound on the bytes of entries held; default 256 MiB. */
  readonly maxEntryBytes?: number;
}

/**
 * Reads a whole index file of either kind; keeps its memory.
 * @throws IntegrityError as `parseFixedIndex` and `parseDynamicIndex`
 */
export function parseArchiveIndex(
  kind: IndexKind,
  bytes: Uint8Array,
  { crypt }: Pick<ReadArchiveIndexOptions, 'crypt'> = {},
): ArchiveIndex {
  return kind === 'fixed' ? parseFixedIndex(bytes, keyed(crypt)) : parseDynamicIndex(bytes);
}

/**
 * Reads an index of either kind from a stream of pieces of any size, such as a file or a download.
 * @throws IntegrityError as `readFixedIndexStream` and `readDynamicIndexStream`
 */
export async function readArchiveIndexStream(
  kind: IndexKind,
  stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { crypt, maxEntryBytes }: ReadArchiveIndexOptions = {},
): Promise<ArchiveIndex> {
  if (kind === 'dynamic')
    return await readDynamicIndexStream(stream, maxEntryBytes === undefined ? {} : { maxEntryBytes });
  return await readFixedIndexStream(stream, {
    ...keyed(crypt),
    ...(maxEntryBytes === undefined ? {} : { maxDigestBytes: maxEntryBytes }),
  });
}

const keyed = (crypt: CryptConfig | undefined): { readonly crypt?: CryptConfig } =>
  crypt === undefined ? {} : { crypt };
