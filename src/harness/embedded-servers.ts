import type { LinkCalls } from '../link/control.ts';
import type { ChunkRecipe } from '../material/chunk-recipe.ts';
import type { StorageSettings } from '../model/environment.ts';
import { KnownError } from '../model/errors.ts';
import { sumMetrics } from '../model/metric.ts';
import type { StorageCounters } from '../model/records.ts';
import type { TransportName } from '../model/transport.ts';
import type { EmbeddedServerCalls, Listening, MountOptions, OneAccount } from '../pbs/server/control.ts';
import type { Launcher } from '../process/launch-through.ts';
import { entryUrl, ServiceProcess } from '../process/service-process.ts';

/** Of a server that finds its port in the hands of somebody else. */
const PORT_TAKEN = 'machine-eaddrinuse';

const serverEntry = entryUrl('../pbs/server/main', import.meta.url);

/** A datastore that the embedded servers offer. */
export interface MountedStore extends MountOptions {
  /** Of chunks that are not in its folder but in the memory of each server. */
  readonly recipe?: ChunkRecipe;
}

/** Where a client connects to. */
export interface ServerEndpoint {
  /** Of the link emulator in front of the server. */
  readonly port: number;
  readonly fingerprint: string;
}

export interface EmbeddedServersOptions extends OneAccount {
  /** Folder of the certificate and its key, made on first use. */
  readonly certificateFolder: string;
  readonly relay: ServiceProcess<LinkCalls>;
  /** Ends the processes. */
  readonly resources: AsyncDisposableStack;
}

interface Instance {
  service: ServiceProcess<EmbeddedServerCalls>;
  listening: Listening;
  relayPort: number;
}

/** A process of the embedded server that does not listen yet; `launch` starts it through a profiler. */
export async function startServerProcess(launch?: Launcher): Promise<ServiceProcess<EmbeddedServerCalls>> {
  return await ServiceProcess.start<EmbeddedServerCalls>(
    'embedded server',
    serverEntry,
    launch === undefined ? {} : { launch },
  );
}

/**
 * One embedded PBS in one process or more, each with a port of its own behind the one emulated link: the same stores,
 * account and certificate. Connections are spread over as many of them as a case asks for, in turn.
 */
export class EmbeddedServers {
  readonly #options: EmbeddedServersOptions;
  readonly #instances: readonly Instance[];
  readonly #mounted: Map<string, MountedStore> = new Map();
  #inUse = 1;

  private constructor(options: EmbeddedServersOptions, instances: readonly Instance[]) {
    this.#options = options;
    this.#instances = instances;
  }

  /** @param processes at least one, all of them started */
  static async listen(
    processes: readonly ServiceProcess<EmbeddedServerCalls>[],
    options: EmbeddedServersOptions,
  ): Promise<EmbeddedServers> {
    const instances: Instance[] = [];
    const servers = new EmbeddedServers(options, instances);
    // One after the other: the first makes the certificate.
    for (const service of processes) {
      const instance = { service, listening: { port: 0, fingerprint: '' }, relayPort: 0 };
      await servers.#open(instance);
      instances.push(instance);
    }
    return servers;
  }

  /** Of all processes, those that no case uses at the moment included. */
  get pids(): readonly number[] {
    return this.#instances.map(({ service }) => service.pid);
  }

  /** Processes that connections are spread over at the moment. */
  get inUse(): readonly ServiceProcess<EmbeddedServerCalls>[] {
    return this.#instances.slice(0, this.#inUse).map(({ service }) => service);
  }

  /** Of each server and of the link emulator in front of it: server, relay, server, relay, ... */
  get ports(): readonly number[] {
    return this.#instances.flatMap(({ listening, relayPort }) => [listening.port, relayPort]);
  }

  endpoint(connection: number): ServerEndpoint {
    const instance = this.#instances[connection % this.#inUse];
    if (instance === undefined) throw new RangeError(`no server for connection ${connection}`);
    return { port: instance.relayPort, fingerprint: instance.listening.fingerprint };
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
    await Promise.all(this.#instances.map(async ({ service }) => await mountOn(service, mounted)));
    this.#mounted.set(path, mounted);
    return mounted;
  }

  /**
   * Starts again those that have died, behind the same ports where these are still free. Returns how many had died, and
   * whether one of them had to take another port. What rejects leaves its server dead, to be started by the next call.
   */
  async revive(): Promise<{ readonly revived: number; readonly hasMoved: boolean }> {
    let hasMoved = false;
    const dead = this.#instances.filter(({ service }) => !service.isRunning);
    for (const instance of dead) {
      const { port } = instance.listening;
      const service = this.#options.resources.use(await startServerProcess());
      try {
        await this.#replace(instance, service);
      } catch (error) {
        await service[Symbol.asyncDispose]();
        throw error;
      }
      hasMoved ||= instance.listening.port !== port;
    }
    return { revived: dead.length, hasMoved };
  }

  /** Changes the instance, and the link in front of it, only when the new server offers all that the old one did. */
  async #replace(instance: Instance, service: ServiceProcess<EmbeddedServerCalls>): Promise<void> {
    const { relay } = this.#options;
    const { port } = instance.listening;
    const listening = await this.#listenAgain(service, port);
    for (const mounted of this.#mounted.values()) await mountOn(service, mounted);
    if (listening.port !== port) {
      instance.relayPort = (await relay.call('open', { port: listening.port })).port;
      await relay.call('close', { port });
    }
    instance.service = service;
    instance.listening = listening;
  }

  async #listenAgain(service: ServiceProcess<EmbeddedServerCalls>, port: number): Promise<Listening> {
    try {
      return await this.#listenOn(service, port);
    } catch (error) {
      if (!(error instanceof KnownError) || error.code !== PORT_TAKEN) throw error;
      return await this.#listenOn(service);
    }
  }

  /** @param processes how many of them connections are spread over from now on */
  async configure({
    processes,
    storage,
    transport,
  }: {
    readonly processes: number;
    readonly storage: StorageSettings;
    readonly transport: TransportName;
  }): Promise<void> {
    if (processes < 1 || processes > this.#instances.length)
      throw new RangeError(`${processes} server processes are asked for, ${this.#instances.length} were started`);
    this.#inUse = processes;
    await Promise.all(
      this.inUse.flatMap((service) => [
        service.call('setStorage', storage),
        service.call('setTransport', { name: transport }),
      ]),
    );
  }

  /** Of all that are in use, together. Rejects when one of them has died. */
  async counters(): Promise<StorageCounters> {
    const all = await Promise.all(this.inUse.map(async (service) => await service.call('counters')));
    const sum = (figure: (counters: StorageCounters) => number): number =>
      all.reduce((total, counters) => total + figure(counters), 0);
    return {
      reads: sum(({ reads }) => reads),
      bytes: sum(({ bytes }) => bytes),
      slotBusyMs: sum(({ slotBusyMs }) => slotBusyMs),
      bandwidthBusyMs: sumMetrics(all.map(({ bandwidthBusyMs }) => bandwidthBusyMs)),
      queueWaitMs: sum(({ queueWaitMs }) => queueWaitMs),
      errors: sum(({ errors }) => errors),
    };
  }

  async resetCounters(): Promise<void> {
    await Promise.all(this.inUse.map(async (service) => await service.call('resetCounters')));
  }

  async #open(instance: Instance): Promise<void> {
    instance.listening = await this.#listenOn(instance.service);
    instance.relayPort = (await this.#options.relay.call('open', { port: instance.listening.port })).port;
  }

  async #listenOn(service: ServiceProcess<EmbeddedServerCalls>, port?: number): Promise<Listening> {
    const { userId, secret, certificateFolder } = this.#options;
    return await service.call('listen', {
      userId,
      secret,
      certificateFolder,
      ...(port === undefined ? {} : { port }),
    });
  }
}

async function mountOn(
  service: ServiceProcess<EmbeddedServerCalls>,
  { recipe, ...store }: MountedStore,
): Promise<void> {
  if (recipe === undefined) await service.call('mount', store);
  else await service.call('mountSynthesised', { ...store, recipe });
}
