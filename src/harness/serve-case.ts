import type { Cache } from '../cache/cache.ts';
import type { LinkCalls } from '../link/control.ts';
import type { ChunkRecipe } from '../material/chunk-recipe.ts';
import type { CaseSettings, LinkSettings } from '../model/environment.ts';
import { UsageError } from '../model/errors.ts';
import type { Clock } from '../model/ports.ts';
import { openDatastore } from '../pbs/datastore/open-datastore.ts';
import type { ListenOptions } from '../pbs/server/control.ts';
import { startEmbeddedServer, type RunningServer } from '../pbs/server/start-embedded-server.ts';
import { entryUrl, ServiceProcess } from '../process/service-process.ts';
import { ensureDatastore } from '../workload/ensure-datastore.ts';
import { forgetSnapshot } from './forget-snapshot.ts';

const linkEntry = entryUrl('../link/main', import.meta.url);

export interface ServeCaseOptions {
  /** Link, storage and image; without them a datastore is served as it is. */
  readonly settings?: CaseSettings | undefined;
  /** Absolute path of a datastore that is served instead of what the settings name. */
  readonly datastore?: string | undefined;
  /** Nothing is written to it or removed. */
  readonly isReadOnly?: boolean;
  /** Name under which clients find it. */
  readonly store: string;
  /** Where clients connect to, `listen` without it: a free port. */
  readonly listen: ListenOptions;
  /** Of lock files; see `DatastoreLocks`. */
  readonly lockFolder: string;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  /** Something that clients get otherwise than the settings say. */
  readonly onWarning: (sentence: string) => void;
}

/** A server for real clients, with the link of a scenario in front of it. */
export interface ServedCase extends AsyncDisposable {
  /** Absolute path of the datastore. */
  readonly path: string;
  /** A generated image stays as it was generated: its place in the cache says what it is. */
  readonly isReadOnly: boolean;
  readonly port: number;
  readonly fingerprint: string;
  /** Takes no more connections and requests, and ends when those under way are answered. */
  shutdown(): Promise<void>;
}

interface ServedImage {
  readonly path: string;
  readonly recipe?: ChunkRecipe;
  readonly isReadOnly: boolean;
}

/**
 * Serves a datastore to whoever connects, as a case of a scenario has it: its link, its storage, its image.
 * @throws UsageError for a datastore that is not there; MachineError for port, certificate or cache; the signal's reason
 */
export async function serveCase(options: ServeCaseOptions): Promise<ServedCase> {
  const { settings, listen, lockFolder, clock, onWarning } = options;
  await using resources = new AsyncDisposableStack();
  const image = await imageOf(options, resources);
  const link = settings === undefined || isTransparent(settings.link) ? undefined : settings.link;
  const { port, ...who } = listen;
  const isCold = settings?.storage.cache === 'cold' && image.recipe === undefined;
  const server = resources.use(
    await startEmbeddedServer({
      clock,
      lockFolder,
      ...who,
      // Behind a link nobody but the link's emulator needs to know its port.
      ...(port === undefined || link !== undefined ? {} : { port }),
      ...(isCold
        ? {
            beforeReading: async ({ store, folder, signal }) => {
              const outcome = await forgetSnapshot(store.path, folder, signal);
              if ('unavailable' in outcome) onWarning(`the page cache could not be dropped: ${outcome.unavailable}`);
            },
          }
        : {}),
    }),
  );
  if (settings !== undefined) {
    server.setStorage(settings.storage);
    server.setTransport({ name: settings.transport.server });
  }
  const { recipe, ...store } = { store: options.store, ...image };
  if (recipe === undefined) server.mount(store);
  else await server.mountSynthesised({ ...store, recipe });
  const openPort = link === undefined ? server.port : await openLink(link, server, { port, resources });
  const ended = resources.move();
  return {
    path: image.path,
    isReadOnly: image.isReadOnly,
    port: openPort,
    fingerprint: server.fingerprint,
    shutdown: async () => await server.shutdown(),
    [Symbol.asyncDispose]: async () => await ended.disposeAsync(),
  };
}

async function imageOf(
  { settings, datastore, isReadOnly = false, cache, signal, onProgress }: ServeCaseOptions,
  resources: AsyncDisposableStack,
): Promise<ServedImage> {
  const named = settings !== undefined && 'datastore' in settings.server ? settings.server.datastore : undefined;
  const ready = datastore ?? named;
  if (ready !== undefined) return { path: (await openDatastore(ready)).path, isReadOnly };
  if (settings?.server.kind === 'pbs')
    throw new UsageError('the scenario names a real server: its image cannot be served from here', {
      code: 'usage',
      hint: 'name a datastore with --datastore, or a scenario that `restorelab capture` wrote',
    });
  if (settings === undefined || !('chunks' in settings.server))
    throw new UsageError('nothing to serve: neither a datastore nor a scenario is named', {
      code: 'usage',
      hint: 'give --datastore or --scenario',
    });
  const workload = resources.use(
    await ensureDatastore({
      image: settings.image,
      history: settings.history,
      chunks: settings.server.chunks,
      cache,
      signal,
      onProgress: ({ bytes, totalBytes }) => onProgress(bytes, totalBytes),
    }),
  );
  const { path, recipe } = workload;
  return { path, isReadOnly: true, ...(recipe === undefined ? {} : { recipe }) };
}

/** The link's emulator as a process of its own, so that its delays are as exact as those of a run. */
async function openLink(
  link: LinkSettings,
  server: RunningServer,
  { port, resources }: { readonly port: number | undefined; readonly resources: AsyncDisposableStack },
): Promise<number> {
  const relay = resources.use(await ServiceProcess.start<LinkCalls>('link emulator', linkEntry));
  await relay.call('setLink', link);
  const opened = await relay.call('open', {
    port: server.port,
    ...(port === undefined ? {} : { listenPort: port }),
  });
  return opened.port;
}

const isTransparent = ({
  roundTripMs,
  jitterMs,
  rateBytesPerSecond,
  connectionRateBytesPerSecond,
}: LinkSettings): boolean =>
  roundTripMs === 0 && jitterMs === 0 && rateBytesPerSecond === undefined && connectionRateBytesPerSecond === undefined;
