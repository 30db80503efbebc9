import { archiveKind } from '../../format/archive-name.ts';
import type { ServerHandler, ServerRequest, ServerResponse } from '../../transport/transport.ts';
import { readQuery } from '../parameters.ts';
import { asRefusal, ParameterRefusal, PathNotFound, Refusal } from '../refusal.ts';
import { pathParts } from '../request-path.ts';
import { JSON_TYPE } from '../public-request.ts';
import type { Session } from '../session.ts';
import { answer, dataAnswer, fileAnswer } from '../session-answer.ts';
import { openSnapshotFile } from '../snapshot-file.ts';
import { readAppendRequest } from './append-request.ts';
import type { Archive } from './archive.ts';
import { backupRules } from './backup-parameters.ts';
import type { BackupPlace } from './backup-place.ts';
import { BackupWriter } from './backup-writer.ts';
import { readBodyParameters, readFields } from './body-parameters.ts';
import type { UploadMemory } from './upload-memory.ts';

const endpoints = [
  'blob',
  'dynamic_chunk',
  'dynamic_close',
  'dynamic_index',
  'finish',
  'fixed_chunk',
  'fixed_close',
  'fixed_index',
  'previous',
  'previous_backup_time',
  'speedtest',
] as const;

/** The backup protocol on one connection (spec 5), on behalf of whoever has opened it. */
export class BackupSession implements Session {
  readonly #writer: BackupWriter;
  readonly #memory: UploadMemory;
  readonly #underWay: Set<Promise<unknown>> = new Set();

  constructor(place: BackupPlace, memory: UploadMemory) {
    this.#writer = new BackupWriter(place);
    this.#memory = memory;
  }

  readonly handle: ServerHandler = async (request) => {
    const answering = this.#answer(request);
    this.#underWay.add(answering);
    try {
      return await answering;
    } finally {
      this.#underWay.delete(answering);
    }
  };

  /** The connection is over: waits for what is being stored, and removes a backup that is not finished. */
  async end(): Promise<void> {
    await Promise.all(this.#underWay);
    // Nobody is left to be told, and the disk that fails here has failed before.
    await this.#writer.end().catch(() => {});
  }

  async #answer(request: ServerRequest): Promise<ServerResponse> {
    try {
      return await this.#route(request);
    } catch (error) {
      const refusal = asRefusal(error);
      return answer(
        refusal.status,
        Buffer.from(refusal.message),
        refusal instanceof ParameterRefusal ? undefined : JSON_TYPE,
      );
    }
  }

  /** Nothing may be waited for before the body is taken. */
  async #route(request: ServerRequest): Promise<ServerResponse> {
    const { method, path, query } = request;
    const parts = pathParts(path);
    const endpoint = `${method} ${parts.join('/')}`;
    switch (endpoint) {
      case 'GET previous_backup_time':
        readQuery(query, backupRules.none);
        return dataAnswer(this.#writer.previous?.time ?? null);
      case 'GET previous':
        return await this.#previous(readQuery(query, backupRules.previous).get('archive-name') ?? '');
      case 'POST fixed_index':
        return await this.#createFixed(request);
      case 'POST dynamic_index':
        return await this.#createDynamic(request);
      case 'POST fixed_chunk':
        return await this.#chunk('fixed', request);
      case 'POST dynamic_chunk':
        return await this.#chunk('dynamic', request);
      case 'PUT fixed_index':
        return await this.#append('fixed', request);
      case 'PUT dynamic_index':
        return await this.#append('dynamic', request);
      case 'POST fixed_close':
        return await this.#close('fixed', request);
      case 'POST dynamic_close':
        return await this.#close('dynamic', request);
      case 'POST blob':
        return await this.#blob(request);
      case 'POST finish':
        await readBodyParameters(request, backupRules.none);
        await this.#writer.finish();
        return dataAnswer(null);
      case 'POST speedtest':
        readQuery(query, backupRules.none);
        await request.receiveBody(() => () => {});
        return dataAnswer(null);
      case 'GET ':
        readQuery(query, backupRules.none);
        return dataAnswer(endpoints.map((subdir) => ({ subdir })));
      default:
        throw new PathNotFound(parts);
    }
  }

  async #previous(name: string): Promise<ServerResponse> {
    const { previous } = this.#writer;
    if (previous === undefined) throw new Refusal(400, 'no valid previous backup');
    const register = (digest: string, length: number): void => this.#writer.registerKnown(digest, length);
    return fileAnswer(await openSnapshotFile(previous.folder, name, register));
  }

  async #createFixed(request: ServerRequest): Promise<ServerResponse> {
    const parameters = await readBodyParameters(request, backupRules.fixedIndex);
    const [size, reuseCsum] = [parameters.get('size'), parameters.get('reuse-csum')];
    const wid = await this.#writer.createFixed({
      name: archiveNameOf('fixed', parameters),
      ...(size === undefined ? {} : { size: Number(size) }),
      ...(reuseCsum === undefined ? {} : { reuseCsum }),
    });
    return dataAnswer(wid);
  }

  async #createDynamic(request: ServerRequest): Promise<ServerResponse> {
    const parameters = await readBodyParameters(request, backupRules.dynamicIndex);
    return dataAnswer(await this.#writer.createDynamic(archiveNameOf('dynamic', parameters)));
  }

  async #chunk(kind: Archive['kind'], request: ServerRequest): Promise<ServerResponse> {
    const parameters = readQuery(request.query, backupRules.chunk);
    this.#writer.requireActive();
    const digest = parameters.get('digest') ?? '';
    using upload = await this.#memory.receive(request, Number(parameters.get('encoded-size')));
    const [wid, size] = [Number(parameters.get('wid')), Number(parameters.get('size'))];
    await this.#writer.addChunk(kind, { wid, digest, size, encoded: upload.bytes });
    return dataAnswer(digest);
  }

  async #append(kind: Archive['kind'], request: ServerRequest): Promise<ServerResponse> {
    await this.#writer.append(kind, readAppendRequest(await readFields(request)));
    return dataAnswer(null);
  }

  async #close(kind: Archive['kind'], request: ServerRequest): Promise<ServerResponse> {
    const rules = kind === 'fixed' ? backupRules.fixedClose : backupRules.dynamicClose;
    const parameters = await readBodyParameters(request, rules);
    await this.#writer.close(kind, Number(parameters.get('wid')), {
      chunkCount: Number(parameters.get('chunk-count')),
      size: Number(parameters.get('size')),
      csum: parameters.get('csum') ?? '',
    });
    return dataAnswer(null);
  }

  async #blob(request: ServerRequest): Promise<ServerResponse> {
    const parameters = readQuery(request.query, backupRules.blob);
    const name = parameters.get('file-name') ?? '';
    if (archiveKind(name) !== 'blob') throw new Refusal(400, `wrong blob file extension: '${name}'`);
    using upload = await this.#memory.receive(request, Number(parameters.get('encoded-size')));
    await this.#writer.addBlob(name, upload.bytes);
    return dataAnswer(null);
  }
}

function archiveNameOf(kind: Archive['kind'], parameters: ReadonlyMap<string, string>): string {
  const name = parameters.get('archive-name') ?? '';
  if (archiveKind(name) !== kind) throw new Refusal(400, `wrong archive extension: '${name}'`);
  return name;
}
