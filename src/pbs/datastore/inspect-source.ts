import { open } from 'node:fs/promises';

import {
  asMachineError,
  IntegrityError,
  isUnreadable,
  MachineError,
  systemErrorCode,
  type KnownError,
} from '../../model/errors.ts';
import type { ArchiveIndex } from '../format/archive-index.ts';
import { BLOB_HEADER_BYTES, ENCRYPTED_BLOB_HEADER_BYTES, parseBlob, type BlobKind } from '../format/blob.ts';
import type { CryptConfig } from '../format/crypt-config.ts';
import type { Manifest } from '../format/manifest.ts';
import { checkChunk, checkChunkMode, type ExpectedChunk } from './check-chunk.ts';
import type { AgeSource } from './chunk-ages.ts';
import type { Datastore } from './open-datastore.ts';

/** A chunk as it is stored. */
export interface StoredChunk {
  readonly kind: BlobKind;
  /** Encoded, header included. */
  readonly bytes: number;
}

/** Where what is inspected comes from: a datastore folder, or a server. */
export interface InspectSource extends AgeSource {
  readManifest(snapshot: string): Promise<Manifest>;
  readIndex(snapshot: string, archive: string, options: { readonly crypt?: CryptConfig }): Promise<ArchiveIndex>;
  /** Looks at header and length of a chunk; absent where a chunk cannot be had but whole. */
  readonly readHeader?: (chunk: ExpectedChunk) => Promise<StoredChunk>;
  /** Reads a chunk whole and checks it. Both reject with a KnownError for what is wrong with the chunk. */
  readWhole(chunk: ExpectedChunk, crypt: CryptConfig | undefined, signal: AbortSignal): Promise<StoredChunk>;
  /** Whether an error is about the source as a whole, so that no other chunk need be tried. */
  isOfSource(error: KnownError): boolean;
  /** Chunks that are read at a time. */
  readonly concurrency: number;
}

/** The folder of a datastore. */
export function datastoreSource(datastore: Datastore): InspectSource {
  const readHeader = async (chunk: ExpectedChunk): Promise<StoredChunk> => await readChunkHeader(datastore, chunk);
  return {
    concurrency: 1,
    // Each chunk is a file of its own; that this process may not read it, or has no descriptors, says nothing of it.
    isOfSource: (error) => error instanceof MachineError && !isUnreadable(error),
    readManifest: async (snapshot) => await datastore.readManifest(snapshot),
    readIndex: async (snapshot, archive, options) => await datastore.readIndex(snapshot, archive, options),
    listGroupOf: async (snapshot) => await datastore.listGroupOf(snapshot),
    readHeader,
    readWhole: async (chunk, crypt) => {
      const stored = await readHeader(chunk);
      checkChunk(await datastore.readChunk(chunk.digest), chunk, crypt);
      return stored;
    },
  };
}

/**
 * What the start of a chunk says.
 * @throws IntegrityError `blob-truncated`, `blob-magic`, `chunk-crypt-mode`, `chunk-empty`
 */
export function describeChunk(start: Uint8Array, bytes: number, { isEncrypted }: ExpectedChunk): StoredChunk {
  const { kind } = parseBlob(start);
  checkChunkMode(start, isEncrypted);
  // An image has no chunk of no bytes; this is what a crash before PBS synced the file leaves.
  if (bytes === (isEncrypted ? ENCRYPTED_BLOB_HEADER_BYTES : BLOB_HEADER_BYTES)) {
    throw new IntegrityError('the chunk holds no bytes', { code: 'chunk-empty' });
  }
  return { kind, bytes };
}

async function readChunkHeader(datastore: Datastore, chunk: ExpectedChunk): Promise<StoredChunk> {
  const path = datastore.chunkPath(chunk.digest);
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const header = Buffer.alloc(Math.min(size, ENCRYPTED_BLOB_HEADER_BYTES));
    await file.read(header, 0, header.length, 0);
    return describeChunk(header, size, chunk);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT')
      throw new IntegrityError('the chunk is missing', { code: 'chunk-missing' });
    throw asMachineError(error, `reading ${path}`);
  }
}
