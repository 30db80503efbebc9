import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Cache, type CacheOptions } from '../../src/cache/cache.ts';

export interface TemporaryCache extends AsyncDisposable {
  readonly folder: string;
  readonly cache: Cache;
  /** The same folder as another process sees it. */
  another(options: CacheOptions): Cache;
}

/** A cache in a folder of its own, which is gone afterwards. */
export async function temporaryCache(options: CacheOptions = {}): Promise<TemporaryCache> {
  const root = await mkdtemp(join(tmpdir(), 'restorelab-cache-'));
  const folder = join(root, 'restorelab');
  return {
    folder,
    cache: new Cache(folder, options),
    another: (others) => new Cache(folder, others),
    [Symbol.asyncDispose]: async () => await rm(root, { recursive: true, force: true }),
  };
}
