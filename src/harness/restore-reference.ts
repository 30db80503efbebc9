import type { ReadyServer } from '../model/environment.ts';
import { requireKey } from '../pbs/client/snapshot-files.ts';
import { openDatastore } from '../pbs/datastore/open-datastore.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import { learnImage } from './learn-image.ts';
import type { PrepareOptions, PreparedImage } from './prepare-image.ts';

/**
 * Restores an image of a ready datastore once, sequentially, untimed and with every check, to learn what its bytes
 * are: later trials are held against these.
 * @throws UsageError when the datastore, snapshot or archive is not there; IntegrityError when the data are damaged
 */
export async function restoreReference(
  server: ReadyServer,
  {
    lab,
    signal,
    onProgress,
    crypt,
  }: Pick<PrepareOptions, 'lab' | 'signal' | 'onProgress'> & { readonly crypt?: CryptConfig },
): Promise<PreparedImage> {
  // Looked up here first: the server would only say that it cannot open a file.
  const datastore = await openDatastore(server.datastore);
  const found = await datastore.findArchive(server.snapshot, server.archive);

  const mounted = await lab.mount(server.datastore);
  await using session = await lab.connect(mounted, {
    snapshot: found.snapshot,
    signal,
    ...(crypt === undefined ? {} : { crypt }),
  });
  const { index, file, warnings, ...keyed } = await session.downloadIndex(found.archive, signal);
  // Also where no chunk is left to tell.
  requireKey(file, await session.downloadManifest(signal), crypt);

  const { facts, expected } = await learnImage(index, session, { crypt: keyed.crypt, signal, onProgress });
  const { sha256 } = facts;
  return {
    mounted,
    snapshot: found.snapshot,
    archive: found.archive,
    facts: { ...facts, snapshot: found.snapshot, archive: found.archive },
    expected,
    ...(crypt === undefined ? {} : { crypt }),
    warnings,
    ...(server.sha256 === undefined || server.sha256 === sha256
      ? {}
      : { mismatch: `the image's SHA-256 is ${sha256}, the scenario's server.sha256 says ${server.sha256}` }),
  };
}
