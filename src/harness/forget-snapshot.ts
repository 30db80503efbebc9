import { readdir } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';

import type { PageCacheDrop } from '../model/records.ts';
import { chunkPath } from '../pbs/datastore/layout.ts';
import { archiveKind } from '../pbs/format/archive-name.ts';
import { readArchiveIndexStream } from '../pbs/format/archive-index.ts';
import { dropPageCache } from './drop-page-cache.ts';

/**
 * Has the kernel forget the chunk files of a snapshot, given by its folder, as before every trial of a run with a cold
 * cache. An index that cannot be read is passed over: whoever reads the snapshot will hear of it.
 * @throws the signal's reason
 */
export async function forgetSnapshot(datastore: string, folder: string, signal: AbortSignal): Promise<PageCacheDrop> {
  const digests = new Set<string>();
  for (const name of await readdir(folder)) {
    const kind = archiveKind(name);
    if (kind !== 'fixed' && kind !== 'dynamic') continue;
    const index = await readArchiveIndexStream(kind, createReadStream(join(folder, name))).catch(() => undefined);
    for (const { digest } of index?.slots() ?? []) digests.add(digest);
  }
  return await dropPageCache(
    [...digests].map((digest) => chunkPath(datastore, digest)),
    signal,
  );
}
