import type { Cache } from '../cache/cache.ts';
import type { CaseSettings } from '../model/environment.ts';
import type { ImageFacts } from '../model/records.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import type { ExpectedImage } from '../target/target.ts';
import { ensureDatastore } from '../workload/ensure-datastore.ts';
import type { MountedStore } from './embedded-servers.ts';
import type { Lab } from './lab.ts';
import { restoreReference } from './restore-reference.ts';

/** An image that can be restored from the lab's server, and what the restored bytes must be. */
export interface PreparedImage {
  readonly mounted: MountedStore;
  readonly snapshot: string;
  readonly archive: string;
  readonly facts: ImageFacts;
  readonly expected: ExpectedImage;
  /** The key that the user gave for the snapshot. */
  readonly crypt?: CryptConfig;
  /** What the user should know about it, e.g. that a signature was not checked. */
  readonly warnings: readonly string[];
  /** The image is whole but not the one that the scenario names. */
  readonly mismatch?: string;
}

export interface PrepareOptions {
  readonly lab: Lab;
  readonly cache: Cache;
  /** By the path of their file. */
  readonly keys?: ReadonlyMap<string, CryptConfig>;
  /** Keeps a generated image from being evicted for as long as the run needs it. */
  readonly leases: DisposableStack;
  readonly signal: AbortSignal;
  readonly onProgress: (what: string, doneBytes: number, totalBytes: number) => void;
}

/** The settings that decide which image it is; cases that differ in nothing of it share one. */
export function imageKey(settings: CaseSettings): string {
  const { server, image, history } = settings;
  // Undefined values are left out of JSON.
  const ready = { ...server, processes: undefined };
  return JSON.stringify('chunks' in server ? [server.chunks, image, history] : ready);
}

/** Generates the synthetic image of a case (or finds it in the cache), or reads a ready datastore once to know its bytes. */
export async function prepareImage(
  settings: CaseSettings,
  { lab, cache, keys, leases, signal, onProgress }: PrepareOptions,
): Promise<PreparedImage> {
  const { server } = settings;
  if ('datastore' in server) {
    const crypt = server.keyFile === undefined ? undefined : keys?.get(server.keyFile);
    return await restoreReference(server, { lab, signal, onProgress, ...(crypt === undefined ? {} : { crypt }) });
  }
  if (server.kind === 'pbs') throw new TypeError('the image of a real server is not prepared in the lab');
  const workload = leases.use(
    await ensureDatastore({
      image: settings.image,
      history: settings.history,
      chunks: server.chunks,
      cache,
      signal,
      onProgress: ({ bytes, totalBytes }) => onProgress('generating the image', bytes, totalBytes),
    }),
  );
  return {
    mounted: await lab.mount(workload.path, workload.recipe),
    snapshot: workload.snapshot,
    archive: workload.archive,
    facts: workload.facts,
    expected: {
      size: workload.facts.sizeBytes,
      chunkSize: workload.facts.chunkSizeBytes,
      slotChecksums: workload.slotChecksums,
      ...(workload.facts.sha256 === undefined ? {} : { sha256: workload.facts.sha256 }),
    },
    warnings: [],
  };
}
