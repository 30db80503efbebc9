import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';

import { monotonicClock } from '../../../../src/clock/monotonic.ts';
import { encodeBlob } from '../../../../src/pbs/format/blob.ts';
import { DatastoreLocks } from '../../../../src/pbs/lock/datastore-locks.ts';
import { startEmbeddedServer, type RunningServer } from '../../../../src/pbs/server/start-embedded-server.ts';
import { exchange, getText, openTls, startHttp2, type RawAnswer } from '../raw-client.ts';

type ServerOptions = Partial<Parameters<typeof startEmbeddedServer>[0]>;

const token = 'bench@pbs!t1';
const secret = 'a-secret';

export const MiB: number = 1024 * 1024;
export const CHUNK: number = 4 * MiB;

export const sha256 = (...pieces: readonly Uint8Array[]): string => hash('sha256', Buffer.concat(pieces));

/** An empty datastore and a server for it. */
export class BackupLab implements AsyncDisposable {
  readonly folder: string;
  readonly store: string;
  readonly server: RunningServer;

  private constructor(folder: string, server: RunningServer) {
    this.folder = folder;
    this.store = join(folder, 'store');
    this.server = server;
  }

  static async start(options: ServerOptions = {}): Promise<BackupLab> {
    const folder = mkdtempSync(join(tmpdir(), 'restorelab-backup-'));
    mkdirSync(join(folder, 'store', '.chunks'), { recursive: true });
    const server = await startEmbeddedServer({
      clock: monotonicClock(),
      penaltyMs: 5,
      forbiddenMs: 5,
      userId: token,
      secret,
      certificateFolder: folder,
      ...options,
    });
    server.mount({ store: 'wire', path: join(folder, 'store') });
    return new BackupLab(folder, server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Asks for a session; the socket is that of the answer. */
  async upgrade(
    query: string,
    { kind = 'backup', authId = token }: { readonly kind?: 'backup' | 'reader'; readonly authId?: string } = {},
  ): Promise<{ readonly answer: RawAnswer; readonly socket: TLSSocket }> {
    const socket = await openTls(this.server.port);
    const protocol = kind === 'backup' ? 'proxmox-backup-protocol-v1' : 'proxmox-backup-reader-protocol-v1';
    const answer = await exchange(
      socket,
      getText(`//api2/json/${kind}?${query}&store=wire`, {
        authorization: `PBSAPIToken=${authId}:${secret}`,
        connection: 'upgrade',
        upgrade: protocol,
      }),
    );
    return { answer, socket };
  }

  async refusal(query: string, options?: Parameters<BackupLab['upgrade']>[1]): Promise<RawAnswer> {
    const { answer, socket } = await this.upgrade(query, options);
    socket.destroy();
    return answer;
  }

  /** Resolves when nobody has the lock of a group any more. */
  async whenFree(group = 'vm/100'): Promise<void> {
    const locks = new DatastoreLocks(this.store);
    await eventually(async () => {
      const lock = await locks.tryLock(join(this.store, group), 'exclusive');
      lock?.release();
      return lock !== undefined;
    });
  }

  async begin(time: number, group = 'vm/100'): Promise<BackupClient> {
    const { answer, socket } = await this.upgrade(queryOf(time, group));
    assert.equal(answer.status, 101, answer.body);
    return new BackupClient(startHttp2(socket), socket, time, group);
  }

  /** A backup of one image, with its manifest, finished and its locks given back. */
  async backUp(time: number, chunks: readonly Uint8Array[], group = 'vm/100'): Promise<void> {
    {
      await using client = await this.begin(time, group);
      const csum = await client.image('drive-scsi0.img.fidx', chunks);
      await client.finish([{ filename: 'drive-scsi0.img.fidx', size: sizeOf(chunks), csum }]);
    }
    await this.whenFree(group);
  }
}

export const queryOf = (time: number, group = 'vm/100'): string => {
  const [type = '', id = ''] = group.split('/');
  return `backup-id=${id}&backup-time=${time}&backup-type=${type}`;
};

export const sizeOf = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, { length }) => sum + length, 0);

export interface Answer {
  readonly status: number;
  /** `data` of JSON, the text of an error. */
  readonly data: unknown;
  readonly contentType: string | undefined;
  readonly bytes: Buffer;
}

interface ManifestEntry {
  readonly filename: string;
  readonly size: number;
  readonly csum: string;
}

/** The client's end of a backup session, on node:http2. Disposing of it drops the connection. */
export class BackupClient implements AsyncDisposable {
  readonly session: ClientHttp2Session;
  readonly #socket: TLSSocket;
  readonly #time: number;
  readonly #group: string;

  constructor(session: ClientHttp2Session, socket: TLSSocket, time: number, group: string) {
    this.session = session;
    this.#socket = socket;
    this.#time = time;
    this.#group = group;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = once(this.#socket, 'close');
    this.session.destroy();
    this.#socket.destroy();
    await closed;
  }

  async ask(method: string, path: string, body?: Uint8Array | string, contentType?: string): Promise<Answer> {
    const stream = this.session.request(
      { ':method': method, ':path': path, ...(contentType === undefined ? {} : { 'content-type': contentType }) },
      { endStream: body === undefined },
    );
    let status = 0;
    let type: string | undefined;
    stream.once('response', (headers) => {
      status = Number(headers[':status']);
      type = headers['content-type'];
    });
    stream.on('error', () => {});
    if (body !== undefined) stream.end(body);
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(piece as Buffer);
    const bytes = Buffer.concat(pieces);
    const isData = status === 200 && type?.startsWith('application/json') === true;
    const data: unknown = isData ? (JSON.parse(bytes.toString()) as { data: unknown }).data : bytes.toString();
    return { status, data, contentType: type, bytes };
  }

  /** The data of an answer that must be a good one. */
  async expect(method: string, path: string, body?: Uint8Array | string, contentType?: string): Promise<unknown> {
    const { status, data } = await this.ask(method, path, body, contentType);
    assert.equal(status, 200, `${method} ${path}: ${String(data)}`);
    return data;
  }

  /** `STATUS text` of an answer. */
  async told(method: string, path: string, body?: Uint8Array | string, contentType?: string): Promise<string> {
    const { status, data } = await this.ask(method, path, body, contentType);
    return `${status} ${String(data)}`;
  }

  async chunk(wid: number, plain: Uint8Array, kind: 'fixed' | 'dynamic' = 'fixed'): Promise<Answer> {
    const blob = encodeBlob(plain);
    return await this.ask('POST', chunkPath(kind, wid, sha256(plain), blob.length, plain.length), blob);
  }

  async append(
    wid: number,
    entries: readonly (readonly [digest: string, offset: number])[],
    kind: 'fixed' | 'dynamic' = 'fixed',
  ): Promise<Answer> {
    const body = {
      'digest-list': entries.map(([digest]) => digest),
      'offset-list': entries.map(([, offset]) => offset),
      wid,
    };
    return await this.ask('PUT', `/${kind}_index`, JSON.stringify(body), 'application/json');
  }

  /** Uploads an image whole and closes it; its checksum. */
  async image(name: string, chunks: readonly Uint8Array[]): Promise<string> {
    const size = sizeOf(chunks);
    const wid = (await this.expect('POST', `/fixed_index?archive-name=${name}&size=${size}`)) as number;
    for (const plain of chunks) assert.equal((await this.chunk(wid, plain)).status, 200);
    const digests = chunks.map((plain) => sha256(plain));
    assert.equal(
      (
        await this.append(
          wid,
          digests.map((digest, slot) => [digest, slot * CHUNK]),
        )
      ).status,
      200,
    );
    const csum = sha256(...digests.map((digest) => Buffer.from(digest, 'hex')));
    await this.expect('POST', `/fixed_close?chunk-count=${chunks.length}&csum=${csum}&size=${size}&wid=${wid}`);
    return csum;
  }

  manifest(files: readonly ManifestEntry[]): Uint8Array {
    const [type, id] = this.#group.split('/');
    return encodeBlob(
      Buffer.from(
        JSON.stringify({
          'backup-id': id,
          'backup-time': this.#time,
          'backup-type': type,
          files: files.map((file) => ({ 'crypt-mode': 'none', ...file })),
          signature: null,
          unprotected: {},
        }),
      ),
    );
  }

  async blob(name: string, encoded: Uint8Array): Promise<Answer> {
    return await this.ask('POST', `/blob?encoded-size=${encoded.length}&file-name=${name}`, encoded);
  }

  async finish(files: readonly ManifestEntry[]): Promise<void> {
    assert.equal((await this.blob('index.json.blob', this.manifest(files))).status, 200);
    await this.expect('POST', '/finish');
  }
}

export const chunkPath = (
  kind: 'fixed' | 'dynamic',
  wid: number,
  digest: string,
  encodedSize: number,
  size: number,
): string => `/${kind}_chunk?digest=${digest}&encoded-size=${encodedSize}&size=${size}&wid=${wid}`;

/** A chunk that is like no other. */
export function chunkOf(letter: string, bytes: number = CHUNK): Buffer {
  const chunk = Buffer.alloc(bytes, letter);
  for (let at = 0; at + 4 <= bytes; at += 65_536) chunk.writeUInt32LE(at, at);
  return chunk;
}

/** Looks until it is so; a test that fails looks for five seconds. */
export async function eventually(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let round = 0; round < 500; round += 1) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail('it did not come about within five seconds');
}
