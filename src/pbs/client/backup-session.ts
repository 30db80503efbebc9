import type { Clock } from '../../model/ports.ts';
import { isServerArchiveName, MANIFEST_NAME } from '../format/archive-name.ts';
import { MAX_UPLOADED_BLOB_BYTES } from '../format/blob.ts';
import { MAX_INDEX_BYTES } from '../format/index-header.ts';
import { encodeManifest, type Manifest } from '../format/manifest.ts';
import type { ClientConnection } from '../transport/transport.ts';
import { responseMalformed } from '../transport/transport-errors.ts';
import { backupRefused } from './backup-refusal.ts';
import type { RefusedRequest } from './refusal.ts';
import { SessionCalls } from './session-calls.ts';
import { SessionConnection } from './session-connection.ts';
import type { StallWatchOptions } from './stall-watch.ts';

/** Writer ids count up from 1 in a session (spec 5.2). */
const MAX_WRITER = 256;

export interface BackupSessionOptions {
  readonly clock: Clock;
  /** The backup as error texts name it. */
  readonly request: RefusedRequest;
  readonly watch: Omit<StallWatchOptions, 'clock' | 'onStall'>;
}

/** A chunk on its way into an index. */
export interface ChunkUpload {
  readonly writer: number;
  /** 64 hex digits. */
  readonly digest: string;
  /** Plain bytes. */
  readonly sizeBytes: number;
  /** The whole blob; not to be written to until `bodySent`. */
  readonly encoded: Uint8Array;
  readonly bodySent?: () => void;
}

/** Where a known chunk stands in an image. */
export interface IndexEntry {
  readonly digest: string;
  /** Bytes from the start of the image. */
  readonly offset: number;
}

/**
 * One connection to a PBS that makes one snapshot (spec 5). What is uploaded becomes a snapshot with `finish`; a session that
 * ends before leaves nothing of it but chunks, which the server's garbage collection removes. Every method rejects with
 * the signal's reason when aborted, with what {@link backupRefused} makes of a refusal, and with a ServerError
 * `connection-lost`, `stream-reset`, `stalled`, `response-malformed`.
 */
export class BackupSession implements AsyncDisposable {
  readonly #connection: SessionConnection;
  readonly #calls: SessionCalls;

  /** For `connectBackup`. */
  constructor(connection: ClientConnection, { clock, request, watch }: BackupSessionOptions) {
    this.#connection = new SessionConnection(connection, { ...watch, clock });
    this.#calls = new SessionCalls({
      connection: this.#connection,
      explain: ({ endpoint }, response) =>
        backupRefused(response, { ...request, what: `${endpoint} of ${request.what}` }),
    });
  }

  /** Unix seconds of the last finished snapshot of the group, whose chunks can be used again; undefined without one. */
  async previousBackupTime(signal: AbortSignal): Promise<number | undefined> {
    const endpoint = '/previous_backup_time';
    const time = await this.#calls.data({ method: 'GET', endpoint, signal });
    if (time === null) return undefined;
    if (typeof time === 'number' && Number.isSafeInteger(time)) return time;
    throw responseMalformed(endpoint, 'it is no time');
  }

  /**
   * A file of the last finished snapshot. Of an index, the server knows all chunks in this session from then on: they can
   * be appended without being uploaded.
   */
  async downloadPrevious(name: string, signal: AbortSignal): Promise<Uint8Array> {
    const maxBytes = name.endsWith('.blob') ? MAX_UPLOADED_BLOB_BYTES : MAX_INDEX_BYTES;
    return await this.#calls.download(
      { method: 'GET', endpoint: '/previous', parameters: { 'archive-name': name }, signal },
      maxBytes,
    );
  }

  /**
   * Begins the index of an image; the number is its writer's.
   * @param reuseCsum of the same archive in the last snapshot, which the new index then begins as a copy of
   */
  async createFixedIndex(
    {
      archive,
      sizeBytes,
      reuseCsum,
    }: { readonly archive: string; readonly sizeBytes: number; readonly reuseCsum?: string },
    signal: AbortSignal,
  ): Promise<number> {
    const endpoint = '/fixed_index';
    const reuse = reuseCsum === undefined ? {} : { 'reuse-csum': reuseCsum };
    const writer = await this.#calls.data({
      method: 'POST',
      endpoint,
      parameters: { 'archive-name': archive, size: sizeBytes, ...reuse },
      signal,
    });
    if (typeof writer === 'number' && Number.isInteger(writer) && writer >= 1 && writer <= MAX_WRITER) return writer;
    throw responseMalformed(endpoint, 'it is no writer id');
  }

  /** Any number may be under way at a time, as far as memory for them goes. */
  async uploadFixedChunk(
    { writer, digest, sizeBytes, encoded, bodySent }: ChunkUpload,
    signal: AbortSignal,
  ): Promise<void> {
    const endpoint = '/fixed_chunk';
    const stored = await this.#calls.data({
      method: 'POST',
      endpoint,
      parameters: { digest, 'encoded-size': encoded.length, size: sizeBytes, wid: writer },
      contentType: 'application/octet-stream',
      body: encoded,
      ...(bodySent === undefined ? {} : { bodySent }),
      signal,
    });
    if (stored !== digest) throw responseMalformed(endpoint, `it is not the digest ${digest}`);
  }

  /** Puts chunks that the server knows in this session into an index; at most some thousand at a time (spec 5.4). */
  async appendToFixedIndex(writer: number, entries: readonly IndexEntry[], signal: AbortSignal): Promise<void> {
    const list = {
      'digest-list': entries.map(({ digest }) => digest),
      'offset-list': entries.map(({ offset }) => offset),
      wid: writer,
    };
    await this.#calls.data({
      method: 'PUT',
      endpoint: '/fixed_index',
      contentType: 'application/json',
      body: Buffer.from(JSON.stringify(list)),
      signal,
    });
  }

  /**
   * Ends an index.
   * @param closing counts of what was appended in this session; `csum` is the SHA-256 over all digests of the index
   */
  async closeFixedIndex(
    writer: number,
    { chunkCount, sizeBytes, csum }: { readonly chunkCount: number; readonly sizeBytes: number; readonly csum: string },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#calls.data({
      method: 'POST',
      endpoint: '/fixed_close',
      parameters: { 'chunk-count': chunkCount, csum, size: sizeBytes, wid: writer },
      signal,
    });
  }

  /** An encoded blob, with a right CRC. */
  async uploadBlob(name: string, encoded: Uint8Array, signal: AbortSignal): Promise<void> {
    if (!isServerArchiveName(name)) throw new RangeError(`${name} is not the name of a blob`);
    await this.#calls.data({
      method: 'POST',
      endpoint: '/blob',
      parameters: { 'encoded-size': encoded.length, 'file-name': name },
      contentType: 'application/octet-stream',
      body: encoded,
      signal,
    });
  }

  /**
   * Uploads the manifest and makes the snapshot a finished one. A signal that is aborted before this breaks it off; once the
   * server was asked, its answer is waited for, since nobody could tell otherwise what became of the snapshot. The answer
   * may take minutes: the server brings the whole datastore to its disk first (spec 5.8).
   */
  async finish(manifest: Manifest, signal: AbortSignal): Promise<void> {
    await this.uploadBlob(MANIFEST_NAME, encodeManifest(manifest), signal);
    signal.throwIfAborted();
    await this.#calls.data({ method: 'POST', endpoint: '/finish', signal: never, isUnwatched: true });
  }

  /** Ends the connection, and with it a snapshot that is not finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }
}

const never: AbortSignal = new AbortController().signal;
