import { join } from 'node:path';

import type { Clock } from '../../model/ports.ts';
import { archiveKind } from '../format/archive-name.ts';
import { MAX_INDEX_BYTES } from '../format/index-header.ts';
import type { ServerHandler, ServerRequest, ServerResponse } from '../transport/transport.ts';
import type { ChunkReader } from './chunk-reader.ts';
import { addIndexDigests } from './index-digests.ts';
import { DOWNLOAD_PIECE_BYTES, openFile } from './open-file.ts';
import { osErrorText } from './os-error-text.ts';
import { fileNameRule } from './parameter-rules.ts';
import { matches, readQuery, type ParameterRules } from './parameters.ts';
import { JSON_TYPE } from './public-request.ts';
import { readWholeFile } from './read-whole-file.ts';
import { asRefusal, PathNotFound, Refusal } from './refusal.ts';
import { pathParts } from './request-path.ts';

export interface ReaderSessionOptions {
  /** Folder of the snapshot that the session reads. */
  readonly snapshotFolder: string;
  readonly chunks: ChunkReader;
  readonly clock: Clock;
  /** How long a 401 is kept back. */
  readonly penaltyMs: number;
}

const chunkRules: ParameterRules = { digest: { check: matches(/^[a-f0-9]{64}$/u) } };
const downloadRules: ParameterRules = { 'file-name': fileNameRule };

/** What `/speedtest` sends: 1 MiB of the letter A (spec 4). */
const speedtestBody: Uint8Array = Buffer.alloc(1024 * 1024, 0x41);

const endpoints = ['chunk', 'download', 'speedtest'] as const;

/** The reader protocol on one connection (spec 4): its indexes, once downloaded, say which chunks it may fetch. */
export class ReaderSession {
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
      return respond(status, Buffer.from(message), refusal instanceof PathNotFound ? JSON_TYPE : undefined);
    }
  };

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
        return respond(200, speedtestBody, 'application/octet-stream');
      case '':
        readQuery(query, {});
        return respond(200, Buffer.from(JSON.stringify({ data: endpoints.map((subdir) => ({ subdir })) })), JSON_TYPE);
      default:
        throw new PathNotFound(parts);
    }
  }

  async #chunk(digest: string, signal: AbortSignal): Promise<ServerResponse> {
    if (!this.#allowed.has(digest)) {
      throw new Refusal(401, `download chunk ${digest} not allowed`);
    }
    const { body, ...memory } = await this.#options.chunks.read(digest, signal);
    return { ...respond(200, body, 'application/octet-stream'), ...memory };
  }

  async #download(fileName: string): Promise<ServerResponse> {
    const kind = archiveKind(fileName);
    if (kind === undefined) throw new Refusal(400, `unknown archive type: ${JSON.stringify(fileName)}`);
    const path = join(this.#options.snapshotFolder, fileName);
    return {
      status: 200,
      headers: { 'content-type': 'application/octet-stream', date: httpDate() },
      body: kind === 'blob' ? await openFile(path) : await this.#openIndex(kind, path),
    };
  }

  async #openIndex(kind: 'fixed' | 'dynamic', path: string): Promise<AsyncIterable<Uint8Array>> {
    try {
      const bytes = await readWholeFile(path, MAX_INDEX_BYTES);
      addIndexDigests(this.#allowed, kind, bytes);
      return pieces(bytes);
    } catch (error) {
      throw new Refusal(400, `Unable to open ${kind} index ${JSON.stringify(path)} - ${osErrorText(error)}`);
    }
  }
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let offset = 0; offset < bytes.length; offset += DOWNLOAD_PIECE_BYTES) {
    yield bytes.subarray(offset, offset + DOWNLOAD_PIECE_BYTES);
  }
}

function respond(status: number, body: Uint8Array, contentType?: string): ServerResponse {
  return {
    status,
    headers: {
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
      date: httpDate(),
      'content-length': String(body.length),
    },
    body,
  };
}

const httpDate = (): string => new Date().toUTCString();
