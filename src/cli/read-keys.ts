import { exitCodes, KnownError } from '../model/errors.ts';
import { openDatastore } from '../pbs/datastore/open-datastore.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import { findArchive } from '../pbs/format/find-archive.ts';
import { requireKey } from '../pbs/client/snapshot-files.ts';
import { verifyManifestSignature } from '../pbs/format/manifest-signature.ts';
import type { Scenario } from '../scenario/load-scenario.ts';
import type { Edge } from './edge.ts';
import { readKey } from './read-key.ts';

/**
 * The encryption keys that a scenario names, by the path of their file, each held against its snapshot before anything
 * runs. Damage is left to the trials, which it fails.
 * @throws UsageError as `readKey`, and `wrong-key`, `key-missing`
 */
export async function readKeys(
  { cases }: Pick<Scenario, 'cases'>,
  edge: Pick<Edge, 'env' | 'cwd' | 'interrupted'>,
): Promise<ReadonlyMap<string, CryptConfig>> {
  const keys = new Map<string, CryptConfig>();
  for (const { server } of cases) {
    if (!('datastore' in server)) continue;
    const { datastore, snapshot, archive, keyFile } = server;
    let crypt: CryptConfig | undefined;
    if (keyFile !== undefined) {
      crypt = keys.get(keyFile) ?? (await readKey(keyFile, edge));
      keys.set(keyFile, crypt);
    }
    try {
      const manifest = await (await openDatastore(datastore)).readManifest(snapshot);
      verifyManifestSignature(manifest, crypt);
      requireKey(findArchive(manifest, archive).file, manifest, crypt);
    } catch (error) {
      if (!(error instanceof KnownError) || error.exitCode !== exitCodes.failed) throw error;
    }
  }
  return keys;
}
