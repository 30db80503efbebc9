import { IntegrityError } from '../../model/errors.ts';
import { formatOf, magicBytes } from './magic.ts';

/** One page; 16 KiB ones of a third-party port are incompatible (spec 6.3). */
export const INDEX_HEADER_BYTES = 4096;

/** Entries that are read into memory: 256 MiB of a fixed index stand for 32 TiB, of a dynamic one for about 26 TiB. */
export const DEFAULT_MAX_ENTRY_BYTES: number = 256 * 1024 * 1024;

/** Nothing above is read into memory. */
export const MAX_INDEX_BYTES: number = INDEX_HEADER_BYTES + DEFAULT_MAX_ENTRY_BYTES;

export type IndexKind = 'fixed' | 'dynamic';

/** What the headers of both kinds say. */
export interface IndexHeader {
  /** 32 hex digits. */
  readonly uuid: string;
  /** Unix seconds: when the server created the index. */
  readonly ctime: number;
  /** SHA-256 over all entries, hex. */
  readonly csum: string;
}

const formats = { fixed: 'fixedIndex', dynamic: 'dynamicIndex' } as const;

/** @throws IntegrityError `index-truncated`, `index-magic` */
export function parseIndexHeader(bytes: Uint8Array, kind: IndexKind): IndexHeader {
  if (bytes.length < INDEX_HEADER_BYTES) {
    throw brokenIndex(
      kind,
      'index-truncated',
      `it ends after ${bytes.length} bytes, its header alone has ${INDEX_HEADER_BYTES}`,
    );
  }
  if (formatOf(bytes) !== formats[kind]) {
    throw brokenIndex(kind, 'index-magic', 'its first 8 bytes are those of something else');
  }
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, INDEX_HEADER_BYTES);
  return {
    uuid: header.toString('hex', 8, 24),
    ctime: Number(header.readBigInt64LE(24)),
    csum: header.toString('hex', 32, 64),
  };
}

/** Writes what both kinds have in their first 64 bytes. */
export function writeIndexHeader(bytes: Buffer, kind: IndexKind, { uuid, ctime, csum }: IndexHeader): void {
  magicBytes(formats[kind]).copy(bytes);
  bytes.write(uuid, 8, 'hex');
  bytes.writeBigInt64LE(BigInt(ctime), 24);
  bytes.write(csum, 32, 'hex');
}

/** @throws IntegrityError `index-csum` */
export function verifyIndexCsum(kind: IndexKind, { csum }: IndexHeader, computed: string): void {
  if (computed === csum) return;
  throw brokenIndex(kind, 'index-csum', `the checksum of its entries is ${computed}, its header says ${csum}`);
}

export const brokenIndex = (kind: IndexKind, code: string, what: string): IntegrityError =>
  new IntegrityError(`the ${kind} index is damaged: ${what}`, {
    code,
    hint: 'run a verify job on the server, or choose another snapshot',
  });
