import { randomBytes } from 'node:crypto';

import { DecoderPool } from '../decode/decoder-pool.ts';
import type { ChunkRecipe } from '../material/chunk-recipe.ts';
import type { LinkCalls } from '../link/control.ts';
import type { SamplerCalls, WatchedProcesses } from '../metrics/control.ts';
import { DEFAULT_SAMPLE_INTERVAL_MS } from '../metrics/sample-interval.ts';
import type { LinkSettings, StorageSettings, TransportSettings } from '../model/environment.ts';
import type { Clock } from '../model/ports.ts';
import { defaultTransport } from '../model/transport.ts';
import { ReceiveMemory } from '../pbs/client/receive-memory.ts';
import { connectReader, type ReaderSession } from '../pbs/client/reader-session.ts';
import type { EmbeddedServerCalls, Listening, MountOptions } from '../pbs/server/control.ts';
import { transports } from '../pbs/transport/transports.ts';
import { entryUrl, ServiceProcess } from '../process/service-process.ts';

const USER_ID = 'root@pam';

const serverEntry = entryUrl('../pbs/server/main', import.meta.url);
const linkEntry = entryUrl('../link/main', import.meta.url);
const samplerEntry = entryUrl('../metrics/main', import.meta.url);

export interface LabOptions {
  /** Folder of the embedded server's certificate. */
  readonly certificateFolder: string;
  /** The process of the client, to be watched by the sampler. */
  readonly clientPid: number;
  readonly clock: Clock;
}

/** What differs between the cases of a run. */
export interface LabSettings {
  readonly link: LinkSettings;
  readonly storage: StorageSettings;
  readonly transport: TransportSettings;
}

export interface ConnectOptions {
  readonly snapshot: string;
  readonly signal: AbortSignal;
  /** Of the client's end; the default one unless given. */
  readonly transport?: TransportSettings;
  /** Number of this connection among those of the restore; 0 unless given. */
  readonly connection?: number;
}

/** A datastore that the embedded server offers. */
export interface MountedStore extends MountOptions {
  /** Of chunks that are not in its folder but in the server's memory. */
  readonly recipe?: ChunkRecipe;
}

/**
 * What a run needs running: the embedded server, the link emulator between it and the client, the sampler, and the
 * decode threads. The processes serve all cases of a run in turn, so that trials of different cases can be interleaved;
 * only their settings change. Disposing it ends them all.
 */
export class Lab implements AsyncDisposable {
  readonly relay: ServiceProcess<LinkCalls>;
  readonly sampler: ServiceProcess<SamplerCalls>;
  readonly #options: LabOptions;
  readonly #resources: AsyncDisposableStack;
  readonly #pools: Map<number, DecoderPool> = new Map();
  readonly #mounted: Map<string, MountedStore> = new Map();
  /** Kept from trial to trial, so that none of them pays for fresh pages. */
  readonly #memory: ReceiveMemory = new ReceiveMemory();
  /** Made for this run; only the server and the client of this process ever know it. */
  readonly #secret: string = randomBytes(24).toString('base64url');
  #server: ServiceProcess<EmbeddedServerCalls>;
  #listening: Listening;
  #relayPort: number;
  #isSampling = false;
  /** Why samples do not cover all of the run, one clause. */
  #samplesProblem: string | undefined;

  private constructor(
    options: LabOptions,
    resources: AsyncDisposableStack,
    relay: ServiceProcess<LinkCalls>,
    sampler: ServiceProcess<SamplerCalls>,
    server: ServiceProcess<EmbeddedServerCalls>,
    listening: Listening,
    relayPort: number,
  ) {
    this.#options = options;
    this.#resources = resources;
    this.relay = relay;
    this.sampler = sampler;
    this.#server = server;
    this.#listening = listening;
    this.#relayPort = relayPort;
  }

  static async start(options: LabOptions): Promise<Lab> {
    await using resources = new AsyncDisposableStack();
    const use = async <Resource extends AsyncDisposable>(starting: Promise<Resource>): Promise<Resource> =>
      resources.use(await starting);
    const starting = [
      use(ServiceProcess.start<EmbeddedServerCalls>('embedded server', serverEntry)),
      use(ServiceProcess.start<LinkCalls>('link emulator', linkEntry)),
      use(ServiceProcess.start<SamplerCalls>('sampler', samplerEntry)),
    ] as const;
    // Where one fails, the others must have started before they can be ended.
    await Promise.allSettled(starting);
    const [server, relay, sampler] = await Promise.all(starting);
    const lab = new Lab(options, resources.move(), relay, sampler, server, { port: 0, fingerprint: '' }, 0);
    try {
      await lab.#listen();
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    return lab;
  }

  get server(): ServiceProcess<EmbeddedServerCalls> {
    return this.#server;
  }

  /** Ports of the server and of the link emulator in front of it. */
  get ports(): readonly [server: number, relay: number] {
    return [this.#listening.port, this.#relayPort];
  }

  /**
   * Offers a datastore folder under a name; the same folder always gets the same name.
   * @param recipe of its chunks, where they are not in the folder
   */
  async mount(path: string, recipe?: ChunkRecipe): Promise<MountedStore> {
    const known = this.#mounted.get(path);
    if (known !== undefined) return known;
    const store = `store-${this.#mounted.size + 1}`;
    const mounted = { store, path, ...(recipe === undefined ? {} : { recipe }) };
    await this.#mountOn(this.#server, mounted);
    this.#mounted.set(path, mounted);
    return mounted;
  }

  /**
   * Starts the server again if it has died, behind the same ports, so that the sampler keeps seeing their connections.
   * Returns whether it had died.
   */
  async reviveServer(): Promise<boolean> {
    if (this.#server.isRunning) return false;
    this.#server = this.#resources.use(await ServiceProcess.start<EmbeddedServerCalls>('embedded server', serverEntry));
    const { port } = this.#listening;
    try {
      this.#listening = await this.#listenOn(port);
    } catch {
      // Somebody else has taken the port in the meantime.
      await this.relay.call('close', { port });
      await this.#listen();
      this.#samplesProblem ??= 'the server had to take another port, whose connections were not sampled';
    }
    for (const mounted of this.#mounted.values()) await this.#mountOn(this.#server, mounted);
    // Whether the sampler can still be told is seen when it is stopped.
    if (this.#isSampling) await this.sampler.call('watch', { processes: this.#watched() }).catch(() => {});
    return true;
  }

  /** Has the sampler write its file from now on. Rejects when it cannot. */
  async startSampling(file: string): Promise<void> {
    await this.sampler.call('start', {
      file,
      intervalMs: DEFAULT_SAMPLE_INTERVAL_MS,
      processes: this.#watched(),
      ports: this.ports,
    });
    this.#isSampling = true;
  }

  /** Ends the sampling, if it was started. Returns why samples are missing, one clause, if any are. */
  async stopSampling(): Promise<string | undefined> {
    if (!this.#isSampling) return undefined;
    this.#isSampling = false;
    try {
      await this.sampler.call('stop');
    } catch (error) {
      return (error as Error).message;
    }
    return this.#samplesProblem;
  }

  async configure({ link, storage, transport }: LabSettings): Promise<void> {
    await Promise.all([
      this.relay.call('setLink', link),
      this.#server.call('setStorage', storage),
      this.#server.call('setTransport', { name: transport.server }),
    ]);
  }

  /** Decode threads stay warm between trials; there is one pool for each number of threads. */
  decoderPool(threads: number): DecoderPool {
    let pool = this.#pools.get(threads);
    if (pool === undefined) {
      pool = this.#resources.use(new DecoderPool({ threads, clock: this.#options.clock }));
      this.#pools.set(threads, pool);
    }
    return pool;
  }

  /** Logs in and upgrades, through the emulated link. */
  async connect(
    mounted: MountedStore,
    { snapshot, signal, transport = defaultTransport, connection = 0 }: ConnectOptions,
  ): Promise<ReaderSession> {
    const { name, streamWindowBytes, connectionWindowBytes, maxFrameBytes, updateThreshold, tlsCipher } = transport;
    return await connectReader({
      host: '127.0.0.1',
      port: this.#relayPort,
      fingerprint: this.#listening.fingerprint,
      credentials: { userId: USER_ID, password: this.#secret },
      store: mounted.store,
      snapshot,
      clock: this.#options.clock,
      signal,
      memory: this.#memory,
      connection,
      transport: transports[name].client,
      settings: {
        initialWindowSize: streamWindowBytes,
        connectionWindowSize: connectionWindowBytes,
        maxFrameSize: maxFrameBytes,
        ...(updateThreshold === undefined ? {} : { updateThreshold }),
      },
      ...(tlsCipher === undefined ? {} : { tlsCipher }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #watched(): WatchedProcesses {
    return { client: this.#options.clientPid, server: this.#server.pid, relay: this.relay.pid };
  }

  async #mountOn(server: ServiceProcess<EmbeddedServerCalls>, { recipe, ...store }: MountedStore): Promise<void> {
    if (recipe === undefined) await server.call('mount', store);
    else await server.call('mountSynthesised', { ...store, recipe });
  }

  async #listen(): Promise<void> {
    this.#listening = await this.#listenOn();
    this.#relayPort = (await this.relay.call('open', { port: this.#listening.port })).port;
  }

  async #listenOn(port?: number): Promise<Listening> {
    return await this.#server.call('listen', {
      userId: USER_ID,
      secret: this.#secret,
      certificateFolder: this.#options.certificateFolder,
      ...(port === undefined ? {} : { port }),
    });
  }
}
