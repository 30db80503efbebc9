import type { Image } from '../model/image.ts';
import { chunkPath } from '../pbs/datastore/layout.ts';

/** Of an image's data chunks in a datastore, each once. */
export function chunkFiles(datastore: string, image: Image): readonly string[] {
  const digests = new Set<string>();
  for (const { digest, isZero } of image.slots()) if (!isZero) digests.add(digest);
  return [...digests].map((digest) => chunkPath(datastore, digest));
}
