import { realpathSync } from 'node:fs';

import { EmulatedStorage } from '../../storage/emulated-storage.ts';
import type { StorageSettings } from '../../model/environment.ts';
import { UsageError } from '../../model/errors.ts';
import type { Clock } from '../../model/ports.ts';
import type { StorageCounters } from '../../model/records.ts';
import { DEFAULT_TRANSPORT, type TransportName } from '../../model/transport.ts';
import { systemFiles, type FilePort } from '../datastore/file-port.ts';
import { DatastoreLocks } from '../lock/datastore-locks.ts';
import type { ServerConnection, ServerTransport } from '../transport/transport.ts';
import { transports } from '../transport/transports.ts';
import { Access } from './access/access.ts';
import { soleAccount } from './access/accounts.ts';
import { UploadMemory } from './backup/upload-memory.ts';
import { loadCertificate, type ServerCertificate } from './certificate.ts';
import { ChunkBuffers } from './chunk-buffers.ts';
import { ChunkFiles } from './chunk-files.ts';
import type { ChunkReader } from './chunk-reader.ts';
import type { Listening, ListenOptions, MountOptions, SynthesisedMountOptions } from './control.ts';
import { createHttp1Server } from './http1-server.ts';
import { PublicApi, type Penalties } from './public-api.ts';
import { createRedirectServer } from './redirect-server.ts';
import type { OpenedSnapshot, RestServer } from './rest/rest-call.ts';
import type { ServedStore } from './served-store.ts';
import { sessionSettings } from './session-settings.ts';
import { SynthesisedChunks, synthesiseChunks } from './synthesised-chunks.ts';
import { TlsPort } from './tls-port.ts';
import { withoutBodyOfHead } from './without-body.ts';

/** How long a real server keeps a 401 back (spec 2.5). */
const PENALTY_MS = 3000;

/** The same for a 403. */
const FORBIDDEN_MS = 500;

/** Enough for the chunks that are on their way, except over a very slow link; nobody waits longer for a Ctrl-C. */
const SHUTDOWN_GRACE_MS = 2000;

export interface EmbeddedServerOptions {
  /** For the emulated storage: how exactly it keeps its delays is up to this clock. */
  readonly clock: Clock;
  /** How long a 401 is kept back; default {@link PENALTY_MS}. */
  readonly penaltyMs?: number;
  /** How long a 403 is kept back; default {@link FORBIDDEN_MS}. */
  readonly forbiddenMs?: number;
  /** Default {@link DEFAULT_TRANSPORT}. */
  readonly transport?: ServerTransport;
  /** Folder of lock files, for processes that use the same datastores; only this one knows of its locks without it. */
  readonly lockFolder?: string;
  /** Awaited before a snapshot, given by its folder, is read while no other one is; the client waits as long. */
  readonly beforeReading?: (snapshot: OpenedSnapshot) => Promise<void>;
  /** What changes datastores; the system's own unless given. */
  readonly files?: FilePort;
}

/** A server of the PBS protocols on 127.0.0.1, whose chunks are read through an emulated disk. */
export class EmbeddedServer implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #files: FilePort;
  readonly #penalties: Penalties;
  readonly #storage: EmulatedStorage;
  readonly #buffers: ChunkBuffers = new ChunkBuffers();
  readonly #stores: Map<string, ServedStore> = new Map();
  readonly #uploads: UploadMemory = new UploadMemory(this.#buffers);
  readonly #connections: Set<ServerConnection> = new Set();
  readonly #lockFolder: string | undefined;
  readonly #beforeReading: EmbeddedServerOptions['beforeReading'];
  /** Each settles when its session has let go of everything. */
  readonly #sessions: Set<Promise<void>> = new Set();
  #transport: ServerTransport;
  #tlsPort: TlsPort | undefined;

  constructor({
    clock,
    penaltyMs = PENALTY_MS,
    forbiddenMs = FORBIDDEN_MS,
    transport = transports[DEFAULT_TRANSPORT].server,
    lockFolder,
    beforeReading,
    files = systemFiles,
  }: EmbeddedServerOptions) {
    this.#clock = clock;
    this.#files = files;
    this.#penalties = { penaltyMs, forbiddenMs };
    this.#transport = transport;
    this.#lockFolder = lockFolder;
    this.#beforeReading = beforeReading;
    this.#storage = new EmulatedStorage(clock);
  }

  /**
   * Once only.
   * @throws UsageError when it listens already; MachineError for the port or the certificate's folder
   */
  async listen({ port, certificateFolder, ...who }: ListenOptions): Promise<Listening> {
    if (this.#tlsPort !== undefined)
      throw new UsageError('the embedded server listens already', { code: 'already-listening' });
    const certificate = await loadCertificate(certificateFolder);
    const timing = { clock: this.#clock, ...this.#penalties };
    const accounts = 'accounts' in who ? who.accounts : soleAccount(who.userId, who.secret);
    const api = new PublicApi({ access: new Access(accounts), rest: this.#restServer(certificate), ...timing });
    const http1 = createHttp1Server(api, (socket, head, session) => {
      const connection = this.#transport.accept(socket, withoutBodyOfHead(session.handle), {
        head,
        settings: sessionSettings,
      });
      this.#connections.add(connection);
      const ended = connection.closed.then(async () => {
        this.#connections.delete(connection);
        await session.end();
        this.#sessions.delete(ended);
      });
      this.#sessions.add(ended);
    });
    const redirect = createRedirectServer();
    this.#tlsPort = await TlsPort.open({
      port,
      certificate,
      onSecure: (socket) => http1.emit('connection', socket),
      onPlain: (socket) => redirect.emit('connection', socket),
    });
    return { port: this.#tlsPort.port, fingerprint: certificate.fingerprint };
  }

  /** Makes a datastore folder available under a store name; sessions that are open keep what they had. */
  mount({ store, path, isReadOnly = false }: MountOptions): void {
    this.#stores.set(store, { ...this.#folderOf({ store, path }), isReadOnly });
  }

  /** As `mount`, with chunks that are made in memory now instead of files in the folder. */
  async mountSynthesised({ store, path, recipe }: SynthesisedMountOptions): Promise<void> {
    const pool = await synthesiseChunks(recipe);
    this.#stores.set(store, { ...this.#folderOf({ store, path }), isReadOnly: true, pool });
  }

  /** Takes effect for every chunk that is read afterwards. */
  setStorage(settings: StorageSettings): void {
    this.#storage.configure(settings);
  }

  /** Takes effect for every connection that is made afterwards. */
  setTransport({ name }: { readonly name: TransportName }): void {
    this.#transport = transports[name].server;
  }

  /** Since the last call of `resetCounters`. */
  counters(): StorageCounters {
    return this.#storage.counters();
  }

  resetCounters(): void {
    this.#storage.resetCounters();
  }

  #folderOf({ store, path }: MountOptions): Pick<ServedStore, 'name' | 'path' | 'locks'> {
    const locks = new DatastoreLocks(path, this.#lockFolder === undefined ? {} : { folder: this.#lockFolder });
    return { name: store, path: realpathSync(path), locks };
  }

  #restServer({ fingerprint }: ServerCertificate): RestServer {
    return {
      stores: this.#stores,
      instanceId: fingerprint.replaceAll(':', '').slice(0, 32),
      chunksOf: (store) => this.#chunksOf(store),
      beforeReading: async (snapshot) => {
        if (this.#connections.size === 0) await this.#beforeReading?.(snapshot);
      },
      files: this.#files,
      uploads: this.#uploads,
    };
  }

  #chunksOf({ path, pool }: ServedStore): ChunkReader {
    return pool === undefined
      ? new ChunkFiles({ folder: path, storage: this.#storage, buffers: this.#buffers })
      : new SynthesisedChunks(pool, this.#storage);
  }

  /** Takes no more connections and requests, and ends when those under way are answered, after 2 s at the latest. */
  async shutdown(): Promise<void> {
    this.#tlsPort?.stopListening();
    const overdue = new AbortController();
    const answered = Promise.all([...this.#connections].map(async (connection) => await connection.shutdown()));
    await Promise.race([answered, this.#clock.sleep(SHUTDOWN_GRACE_MS, overdue.signal).catch(() => {})]);
    overdue.abort();
    await this[Symbol.asyncDispose]();
  }

  /** Ends all connections at once; backups that are not finished are removed before this resolves. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tlsPort?.[Symbol.asyncDispose]();
    await Promise.all(this.#sessions);
  }
}
