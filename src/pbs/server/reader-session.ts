import type { Clock } from '../../model/ports.ts';
import type { HeldLock } from '../lock/datastore-locks.ts';
import type { ServerHandler, ServerRequest, ServerResponse } from '../transport/transport.ts';
import type { ChunkReader } from './chunk-reader.ts';
import { digestRule, fileNameRule } from './parameter-rules.ts';
import { readQuery, type ParameterRules } from './parameters.ts';
import { JSON_TYPE } from './public-request.ts';
import { asRefusal, PathNotFound, Refusal } from './refusal.ts';
import { pathParts } from './request-path.ts';
import { answer, BYTES_TYPE, dataAnswer, fileAnswer } from './session-answer.ts';
import type { Session } from './session.ts';
import { openSnapshotFile } from './snapshot-file.ts';

export interface ReaderSessionOptions {
  /** Folder of the snapshot that the session reads. */
  readonly snapshotFolder: string;
  /** Of that snapshot, until the session ends. */
  readonly lock: HeldLock;
  readonly chunks: ChunkReader;
  readonly clock: Clock;
  /** How long a 401 is kept back. */
  readonly penaltyMs: number;
}

const chunkRules: ParameterRules = { digest: digestRule };
const downloadRules: ParameterRules = { 'file-name': fileNameRule };

/** What `/speedtest` sends: 1 MiB of the letter A (spec 4). */
const speedtestBody: Uint8Array = Buffer.alloc(1024 * 1024, 0x41);

const endpoints = ['chunk', 'download', 'speedtest'] as const;

/** The reader protocol on one connection (spec 4): its indexes, once downloaded, say which chunks it may fetch. */
export class ReaderSession implements Session {
  readonly #options: ReaderSessionOptions;
  /** Digests of all indexes downloaded so far. */
  readonly #allowed: Set<string> = new Set();

  constructor(options: ReaderSessionOptions) {
    this.#options = options;
  }

  readonly handle: ServerHandler = async (request) => {
    try {
      return await this.#route(request);
    } catch (error) {
      const refusal = asRefusal(error);
      const { status, message } = refusal;
      // Kept back to slow down guessing; 3 s on a real server (spec 3.4).
      if (status === 401) await this.#options.clock.sleep(this.#options.penaltyMs, request.signal);
      return answer(status, Buffer.from(message), refusal instanceof PathNotFound ? JSON_TYPE : undefined);
    }
  };

  async end(): Promise<void> {
    this.#options.lock.release();
    await Promise.resolve();
  }

  async #route({ method, path, query, signal }: ServerRequest): Promise<ServerResponse> {
    const parts = pathParts(path);
    const [name = '', ...more] = parts;
    if (method !== 'GET' || more.length > 0) throw new PathNotFound(parts);
    switch (name) {
      case 'chunk':
        return await this.#chunk(readQuery(query, chunkRules).get('digest') ?? '', signal);
      case 'download':
        return await this.#download(readQuery(query, downloadRules).get('file-name') ?? '');
      case 'speedtest':
        readQuery(query, {});
        return answer(200, speedtestBody, BYTES_TYPE);
      case '':
        readQuery(query, {});
        return dataAnswer(endpoints.map((subdir) => ({ subdir })));
      default:
        throw new PathNotFound(parts);
    }
  }

  async #chunk(digest: string, signal: AbortSignal): Promise<ServerResponse> {
    if (!this.#allowed.has(digest)) {
      throw new Refusal(401, `download chunk ${digest} not allowed`);
    }
    const { body, ...memory } = await this.#options.chunks.read(digest, signal);
    return { ...answer(200, body, BYTES_TYPE), ...memory };
  }

  async #download(fileName: string): Promise<ServerResponse> {
    const register = (digest: string): void => void this.#allowed.add(digest);
    return fileAnswer(await openSnapshotFile(this.#options.snapshotFolder, fileName, register));
  }
}
