import { randomBytes } from 'node:crypto';

import type { RestoreAddress } from '../external/restore-address.ts';
import type { DecoderPool } from '../decode/decoder-pool.ts';
import type { ChunkRecipe } from '../material/chunk-recipe.ts';
import type { LinkCalls } from '../link/control.ts';
import type { SamplerCalls, WatchedProcesses } from '../metrics/control.ts';
import type { LinkSettings, ServerSettings, StorageSettings, TransportSettings } from '../model/environment.ts';
import type { Clock } from '../model/ports.ts';
import { Secret } from '../model/secret.ts';
import { defaultTransport } from '../model/transport.ts';
import { connectReader, type ReaderSession } from '../pbs/client/reader-session.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import { transportOptions } from '../pbs/client/transport-options.ts';
import type { Launcher } from '../process/launch-through.ts';
import { entryUrl, ServiceProcess } from '../process/service-process.ts';
import { ClientParts, startSampler } from './client-parts.ts';
import { EmbeddedServers, startServerProcess, type MountedStore } from './embedded-servers.ts';

const USER_ID = 'root@pam';

const linkEntry = entryUrl('../link/main', import.meta.url);

export interface LabOptions {
  /** Folder of the embedded server's certificate. */
  readonly certificateFolder: string;
  /** The process of the client, to be watched by the sampler. */
  readonly clientPid: number;
  readonly clock: Clock;
  /** Processes of the server that some case asks for at most; default 1. */
  readonly serverProcesses?: number;
  /** Starts the first process of the server through a profiler; one that has to be revived starts without it. */
  readonly launchServer?: Launcher;
}

/** What differs between the cases of a run. */
export interface LabSettings {
  readonly server: Pick<ServerSettings, 'processes'>;
  readonly link: LinkSettings;
  readonly storage: StorageSettings;
  readonly transport: TransportSettings;
}

export interface ConnectOptions {
  readonly snapshot: string;
  readonly signal: AbortSignal;
  /** Key of the snapshot. */
  readonly crypt?: CryptConfig;
  /** Of the client's end; the default one unless given. */
  readonly transport?: TransportSettings;
  /** Number of this connection among those of the restore; 0 unless given. */
  readonly connection?: number;
}

/**
 * What a run needs running: the embedded server, the link emulator between it and the client, the sampler, and the
 * decode threads. The processes serve all cases of a run in turn, so that trials of different cases can be interleaved;
 * only their settings change. Disposing it ends them all.
 */
export class Lab implements AsyncDisposable {
  readonly relay: ServiceProcess<LinkCalls>;
  readonly sampler: ServiceProcess<SamplerCalls>;
  readonly servers: EmbeddedServers;
  readonly #options: LabOptions;
  readonly #resources: AsyncDisposableStack;
  readonly #parts: ClientParts;
  readonly #secret: string;
  /** Why samples do not cover all of the run, one clause. */
  #samplesProblem: string | undefined;

  private constructor(
    options: LabOptions,
    resources: AsyncDisposableStack,
    parts: Pick<Lab, 'relay' | 'servers'> & { readonly secret: string; readonly clientParts: ClientParts },
  ) {
    this.#options = options;
    this.#resources = resources;
    this.relay = parts.relay;
    this.sampler = parts.clientParts.sampler;
    this.#parts = parts.clientParts;
    this.servers = parts.servers;
    this.#secret = parts.secret;
  }

  static async start(options: LabOptions): Promise<Lab> {
    const { launchServer } = options;
    await using resources = new AsyncDisposableStack();
    const use = async <Resource extends AsyncDisposable>(starting: Promise<Resource>): Promise<Resource> =>
      resources.use(await starting);
    const startingServers = Array.from({ length: options.serverProcesses ?? 1 }, (_, number) =>
      use(startServerProcess(number === 0 ? launchServer : undefined)),
    );
    const starting = [use(ServiceProcess.start<LinkCalls>('link emulator', linkEntry)), use(startSampler())] as const;
    // Where one fails, the others must have started before they can be ended.
    await Promise.allSettled([...startingServers, ...starting]);
    const [relay, sampler] = await Promise.all(starting);
    // Made for this run; only the servers and the client of this process ever know it.
    const secret = randomBytes(24).toString('base64url');
    const later = new AsyncDisposableStack();
    const servers = await EmbeddedServers.listen(await Promise.all(startingServers), {
      userId: USER_ID,
      secret,
      certificateFolder: options.certificateFolder,
      relay,
      resources: later,
    });
    resources.use(later);
    const clientParts = resources.use(new ClientParts(sampler, options.clock));
    return new Lab(options, resources.move(), { relay, servers, secret, clientParts });
  }

  /** Offers a datastore folder; see {@link EmbeddedServers.mount}. */
  async mount(path: string, recipe?: ChunkRecipe): Promise<MountedStore> {
    return await this.servers.mount(path, recipe);
  }

  /**
   * Starts servers again that have died, behind the same ports, so that the sampler keeps seeing their connections.
   * Returns whether one had died.
   */
  async reviveServers(): Promise<boolean> {
    const { revived, hasMoved } = await this.servers.revive();
    if (hasMoved) this.#samplesProblem ??= 'the server had to take another port, whose connections were not sampled';
    // Whether the sampler can still be told is seen when it is stopped.
    if (revived > 0 && this.#parts.isSampling)
      await this.sampler.call('watch', { processes: this.#watched() }).catch(() => {});
    return revived > 0;
  }

  /** Has the sampler write its file from now on. Rejects when it cannot. */
  async startSampling(file: string): Promise<void> {
    await this.#parts.startSampling(file, this.#watched(), this.servers.ports);
  }

  /** Ends the sampling, if it was started. Returns why samples are missing, one clause, if any are. */
  async stopSampling(): Promise<string | undefined> {
    return (await this.#parts.stopSampling()) ?? this.#samplesProblem;
  }

  async configure({ server: { processes = 1 }, link, storage, transport }: LabSettings): Promise<void> {
    await Promise.all([
      this.relay.call('setLink', link),
      this.servers.configure({ processes, storage, transport: transport.server }),
    ]);
  }

  /** Decode threads stay warm between trials; there is one pool for each number of threads, and each key. */
  decoderPool(threads: number, crypt?: CryptConfig): DecoderPool {
    return this.#parts.decoderPool(threads, crypt);
  }

  /**
   * Memory for one restore through this decoder, with so many chunks under way. To be disposed after its sessions:
   * whatever the restore left lying is taken back then.
   */
  lendMemory(chunks: number, decoder: DecoderPool): AsyncDisposable {
    return this.#parts.lendMemory(chunks, decoder);
  }

  /** Logs in and upgrades, through the emulated link. */
  async connect(
    mounted: MountedStore,
    { snapshot, signal, crypt, transport = defaultTransport, connection = 0 }: ConnectOptions,
  ): Promise<ReaderSession> {
    return await connectReader({
      host: '127.0.0.1',
      ...this.servers.endpoint(connection),
      credentials: { authId: USER_ID, secret: new Secret(this.#secret) },
      store: mounted.store,
      snapshot,
      clock: this.#options.clock,
      signal,
      memory: this.#parts.memory,
      connection,
      ...transportOptions(transport),
      ...(crypt === undefined ? {} : { crypt }),
    });
  }

  /** Where a program of its own finds an image and logs in, through the emulated link. */
  addressOf({
    mounted,
    snapshot,
    archive,
  }: {
    readonly mounted: MountedStore;
    readonly snapshot: string;
    readonly archive: string;
  }): Omit<RestoreAddress, 'keyFile'> {
    return {
      authId: USER_ID,
      host: '127.0.0.1',
      ...this.servers.endpoint(0),
      datastore: mounted.store,
      namespace: '',
      snapshot,
      archive,
      password: new Secret(this.#secret),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #watched(): WatchedProcesses {
    return { client: this.#options.clientPid, server: this.servers.pids, relay: this.relay.pid };
  }
}
