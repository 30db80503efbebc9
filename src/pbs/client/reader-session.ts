import { SlabPool, type SlabLoan } from '../../memory/slab-pool.ts';
import { metric, unavailable, type Metric } from '../../model/metric.ts';
import type { ChunkSource, Clock } from '../../model/ports.ts';
import type { ReceivedChunk } from '../../model/received-chunk.ts';
import type { Secret } from '../../model/secret.ts';
import type { CryptConfig } from '../format/crypt-config.ts';
import type { FixedIndex } from '../format/fixed-index.ts';
import type { Manifest } from '../format/manifest.ts';
import { parseSnapshotPath } from '../format/snapshot-path.ts';
import type { ClientConnection, RequestHooks } from '../transport/transport.ts';
import { responseTooLong } from '../transport/transport-errors.ts';
import { BodyCollector } from './body-collector.ts';
import { chunkLength } from './chunk-length.ts';
import { openSession, type SessionOptions } from './open-session.ts';
import { placeText, refusalError } from './refusal.ts';
import { quoteServer } from './server-text.ts';
import { SessionConnection } from './session-connection.ts';
import { chunkRefused, fileRefused } from './session-refusal.ts';
import { SnapshotFiles, type DownloadedBlob, type DownloadedIndex } from './snapshot-files.ts';
import type { StallWatchOptions } from './stall-watch.ts';
import type { NegotiatedTls } from './tls-connection.ts';

export interface ReaderOptions extends SessionOptions {
  /** `vm/100/2026-02-16T16:30:44Z` */
  readonly snapshot: string;
  /** The key of the snapshot, where it was made with one. */
  readonly crypt?: CryptConfig;
  /** Number of this connection among those of the restore, for {@link ReceivedChunk.timing}; 0 unless given. */
  readonly connection?: number;
  /**
   * Memory for chunks, shared by the sessions of a restore; without bound, and its own, unless given. Where it is used
   * up the connection is not read, so there must be some for each fetch that is under way.
   */
  readonly memory?: SlabPool;
}

const MAX_ERROR_BYTES = 64 * 1024;
const MAX_SPEEDTEST_BYTES = 16 * 1024 * 1024;

/**
 * Opens a reader session (spec 4). Several may be open at once.
 * @throws those of `openSession`, and what `refusalError` makes of a refusal; UsageError `snapshot-path`
 */
export async function connectReader(options: ReaderOptions): Promise<ReaderSession> {
  const { store, namespace } = options;
  const { connection, tls, socket, watch } = await openSession(options, {
    endpoint: 'reader',
    protocol: 'proxmox-backup-reader-protocol-v1',
    snapshot: parseSnapshotPath(options.snapshot),
    what: `reading ${options.snapshot} in ${placeText(store, namespace)}`,
    code: 'upgrade-refused',
    explain: refusalError,
  });
  return new ReaderSession(connection, options, tls, { ...watch, carriedBytes: () => socket.bytesRead });
}

interface DownloadOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly add: (piece: Uint8Array) => void;
  readonly hooks?: RequestHooks;
}

/** One connection to a PBS that reads one snapshot. Chunks are allowed once their index was downloaded through it. */
export class ReaderSession implements ChunkSource, AsyncDisposable {
  readonly tls: NegotiatedTls;
  readonly #connection: SessionConnection;
  readonly #clock: Clock;
  readonly #number: number;
  readonly #secrets: readonly Secret[];
  readonly #receivedBytes: () => number;
  readonly #memory: SlabPool;
  readonly #files: SnapshotFiles;
  #peakWindowShare: number | undefined;

  /** For {@link connectReader}. */
  constructor(
    connection: ClientConnection,
    {
      clock,
      connection: number = 0,
      credentials,
      snapshot,
      crypt,
      memory = new SlabPool({ limit: Infinity }),
    }: ReaderOptions,
    tls: NegotiatedTls,
    watch: Omit<StallWatchOptions, 'clock' | 'onStall'>,
  ) {
    this.tls = tls;
    this.#connection = new SessionConnection(connection, { ...watch, clock });
    this.#clock = clock;
    this.#number = number;
    this.#memory = memory;
    this.#secrets = [credentials.secret];
    this.#files = new SnapshotFiles({
      snapshot,
      download: async (name, maxBytes, signal) => await this.#download(name, maxBytes, signal),
      ...(crypt === undefined ? {} : { crypt }),
    });
    this.#receivedBytes = watch.carriedBytes;
  }

  /** Bytes that the server has sent on this connection, without what TLS adds. */
  get receivedBytes(): number {
    return this.#receivedBytes();
  }

  /** Checked against the key. @throws as {@link SnapshotFiles.manifest}; ServerError */
  async downloadManifest(signal: AbortSignal = never): Promise<Manifest> {
    return (await this.#files.manifest(signal)).manifest;
  }

  /**
   * The index of an image, or of an archive of files. The server hands out the index's chunks from then on.
   * @throws as {@link SnapshotFiles.index}; ServerError
   */
  async downloadIndex(archive: string, signal: AbortSignal = never): Promise<DownloadedIndex> {
    return await this.#files.index(archive, signal);
  }

  /** As {@link downloadIndex}, of an image that can be restored. @throws as {@link SnapshotFiles.image}; ServerError */
  async downloadFixedIndex(archive: string, signal: AbortSignal = never): Promise<DownloadedIndex<FixedIndex>> {
    return await this.#files.image(archive, signal);
  }

  /** @throws as {@link SnapshotFiles.blob}; ServerError */
  async downloadBlob(archive: string, signal: AbortSignal = never): Promise<DownloadedBlob> {
    return await this.#files.blob(archive, signal);
  }

  /**
   * Rejects with the signal's reason when aborted (other fetches go on), with an IntegrityError `chunk-missing` that
   * names the digest, or a ServerError `chunk-refused`, `connection-lost`, `response-truncated`, `response-too-long`,
   * `stream-reset`, `stalled`.
   */
  async fetch(digest: string, signal: AbortSignal): Promise<ReceivedChunk> {
    let loan: SlabLoan | undefined;
    let isGivenUp = false;
    let requestSentMs = 0;
    let firstByteMs = 0;
    let lastByteMs = 0;
    const refused = new BodyCollector(`chunk ${digest}`, MAX_ERROR_BYTES);
    const begin = (taken: SlabLoan): Uint8Array => {
      // The memory came too late: nobody else knows of it.
      if (isGivenUp) taken.giveBack();
      else loan = taken;
      return taken.bytes;
    };
    try {
      const { status } = await this.#connection.request({
        path: `/chunk?digest=${digest}`,
        signal,
        receive: (head) => {
          if (head.status !== 200) return (piece) => refused.add(piece);
          const taken = this.#memory.take(chunkLength(head, digest), signal);
          if (taken instanceof Promise) return taken.then(begin);
          return begin(taken);
        },
        hooks: {
          requestSent: () => {
            requestSentMs = this.#clock.now();
          },
          firstByte: () => {
            firstByteMs = this.#clock.now();
          },
          lastByte: () => {
            lastByteMs = this.#clock.now();
          },
        },
      });
      if (loan === undefined) throw chunkRefused(digest, status, quoteServer(refused.bytes, this.#secrets));
    } catch (error) {
      // The transport does not write to it any more.
      loan?.giveBack();
      isGivenUp = true;
      throw error;
    }
    this.#noteWindow();
    const { bytes } = loan;
    return {
      digest,
      bytes,
      encodedBytes: bytes.length,
      timing: { requestSentMs, firstByteMs, lastByteMs, connection: this.#number },
      memory: loan,
    };
  }

  /** Downloads the server's 1 MiB of test data. Returns the milliseconds until the head of its answer. */
  async speedtest(signal: AbortSignal = never, onBytes: (bytes: number) => void = () => {}): Promise<number> {
    const startedMs = this.#clock.now();
    let answerMs = 0;
    const firstByte = (): void => {
      answerMs = this.#clock.now() - startedMs;
    };
    await this.#get('/speedtest', 'speedtest', {
      maxBytes: MAX_SPEEDTEST_BYTES,
      signal,
      add: (piece) => onBytes(piece.length),
      hooks: { firstByte },
    });
    return answerMs;
  }

  /** Resolves when a PING of HTTP/2 was answered, which takes the server next to no work. */
  async ping(): Promise<void> {
    await this.#connection.http2.ping();
  }

  /** Largest share of the connection's receive window seen in use, looked at after each chunk. */
  peakWindowUtilization(): Metric {
    return this.#peakWindowShare === undefined
      ? unavailable('not sampled: no chunk was fetched')
      : metric(this.#peakWindowShare);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }

  async #download(name: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const collector = new BodyCollector(name, maxBytes);
    const add = (piece: Uint8Array): void => collector.add(piece);
    await this.#get(`/download?file-name=${name}`, name, { maxBytes, signal, add });
    return collector.bytes;
  }

  /** @param what the answer is, for messages */
  async #get(path: string, what: string, { maxBytes, signal, add, hooks = {} }: DownloadOptions): Promise<void> {
    const refused = new BodyCollector(what, MAX_ERROR_BYTES);
    const response = await this.#connection.request({
      path,
      signal,
      receive: ({ status, contentLength = 0 }) => {
        if (contentLength > maxBytes) throw responseTooLong(what, maxBytes);
        return status === 200 ? add : (piece) => refused.add(piece);
      },
      hooks,
    });
    if (response.status === 200) return;
    throw fileRefused(what, response.status, quoteServer(refused.bytes, this.#secrets));
  }

  #noteWindow(): void {
    const { sizeBytes, unacknowledgedBytes } = this.#connection.http2.localWindow;
    if (sizeBytes > 0) this.#peakWindowShare = Math.max(this.#peakWindowShare ?? 0, unacknowledgedBytes / sizeBytes);
  }
}

/** For callers that have nothing to break off. */
const never: AbortSignal = new AbortController().signal;
