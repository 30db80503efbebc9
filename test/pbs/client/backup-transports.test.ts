import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { ServerError } from '../../../src/model/errors.ts';
import { Secret } from '../../../src/model/secret.ts';
import { transportNames } from '../../../src/model/transport.ts';
import type { BackupSession } from '../../../src/pbs/client/backup-session.ts';
import { connectBackup, type BackupOptions } from '../../../src/pbs/client/connect-backup.ts';
import { makeBackup } from '../../../src/pbs/client/make-backup.ts';
import { DatastoreWriter } from '../../../src/pbs/datastore/datastore-writer.ts';
import { inspectArchive } from '../../../src/pbs/datastore/inspect.ts';
import { openDatastore } from '../../../src/pbs/datastore/open-datastore.ts';
import { canonicalManifest, parseManifest } from '../../../src/pbs/format/manifest.ts';
import { parseSnapshotPath } from '../../../src/pbs/format/snapshot-path.ts';
import { startEmbeddedServer } from '../../../src/pbs/server/start-embedded-server.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import { temporaryFolder } from '../datastore/golden.ts';
import { goldenBlob, goldenFile, goldenImage } from './golden-image.ts';

const ARCHIVE = 'drive-scsi0.img.fidx';
const CONFIGURATION = 'qemu-server.conf.blob';
const chain = ['vm/100/2026-02-13T16:27:41Z', 'vm/100/2026-02-14T16:28:42Z', 'vm/100/2026-02-15T16:29:43Z'];
const { signal } = new AbortController();

test('a chain of backups by every client at every server is the one that real programs made', async () => {
  await using folder = await temporaryFolder();
  await using server = await startEmbeddedServer({
    clock: monotonicClock(),
    port: 0,
    userId: 'bench@pbs',
    secret: 'secret',
    certificateFolder: join(folder.path, 'certificate'),
  });
  for (const client of transportNames) {
    for (const serving of transportNames) {
      const path = join(folder.path, `${client}-${serving}`.replace(':', '-'));
      void new DatastoreWriter(path);
      server.mount({ store: 'tank', path });
      server.setTransport({ name: serving });
      for (const [index, name] of chain.entries()) {
        const snapshot = parseSnapshotPath(name);
        await using session = await connectWhenFree({
          host: '127.0.0.1',
          port: server.port,
          fingerprint: server.fingerprint,
          credentials: { authId: 'bench@pbs', secret: new Secret('secret') },
          store: 'tank',
          snapshot,
          clock: monotonicClock(),
          transport: transports[client].client,
          signal,
        });
        const [image] = await makeBackup(
          session,
          {
            snapshot,
            images: [{ archive: ARCHIVE, image: goldenImage(name) }],
            blobs: [{ name: CONFIGURATION, plain: goldenBlob(name, CONFIGURATION) }],
          },
          { inFlight: 3, isCopyOfPrevious: index === 2, signal },
        );
        assert.ok(index === 0 ? image?.uploaded.chunks === 8 : (image?.uploaded.chunks ?? 9) <= 2, name);
      }
      const store = await openDatastore(path);
      for (const name of chain) {
        const real = parseManifest(goldenFile(name, 'index.json.blob'));
        assert.equal(
          canonicalManifest(await store.readManifest(name)),
          canonicalManifest(real),
          `${client}, ${serving}`,
        );
        const { archives } = await inspectArchive(store, name, { contents: true, signal });
        assert.deepEqual(
          archives.flatMap(({ problems }) => problems),
          [],
        );
      }
    }
  }
});

/** The server lets go of a group a moment after the session before has ended. */
async function connectWhenFree(options: BackupOptions): Promise<BackupSession> {
  for (;;) {
    try {
      return await connectBackup(options);
    } catch (error) {
      if (!(error instanceof ServerError) || error.code !== 'locked') throw error;
    }
  }
}
