import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { monotonicClock } from '../../../../src/clock/monotonic.ts';
import { transportNames } from '../../../../src/model/transport.ts';
import { openDatastore } from '../../../../src/pbs/datastore/open-datastore.ts';
import { decodeBlob } from '../../../../src/pbs/format/blob.ts';
import type { CryptConfig } from '../../../../src/pbs/format/crypt-config.ts';
import { openKeyFile, parseKeyFile } from '../../../../src/pbs/format/key-file.ts';
import { startEmbeddedServer, type RunningServer } from '../../../../src/pbs/server/start-embedded-server.ts';
import { verifyDatastore } from '../../../../src/verify/verify-datastore.ts';
import { MadeChunks } from './bodies.ts';
import { play } from './play.ts';

const golden = fileURLToPath(new URL('../../../fixtures/golden/', import.meta.url));
const secret = (text: string): { readonly kind: 'plain'; readonly text: string } => ({ kind: 'plain', text });
const everywhere = { path: '/', role: 'DatastoreAdmin', propagate: true } as const;

interface ExpectedFile {
  readonly csum?: string;
  readonly original?: { readonly sha256: string };
}

/** SHA-256 of the original of every golden image, by the checksum of its index. */
const originals: ReadonlyMap<string, string> = new Map(
  Object.values(
    (
      JSON.parse(readFileSync(join(golden, 'expected.json'), 'utf8')) as {
        readonly snapshots: Readonly<Record<string, { readonly files: Readonly<Record<string, ExpectedFile>> }>>;
      }
    ).snapshots,
  )
    .flatMap(({ files }) => Object.values(files))
    .flatMap(({ csum, original }) => (csum === undefined || original === undefined ? [] : [[csum, original.sha256]])),
);

for (const transport of transportNames) {
  describe(`a server by ${transport}`, () => {
    let folder: string;
    let wire: string;
    let server: RunningServer;
    let crypt: CryptConfig;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'restorelab-played-'));
      wire = join(folder, 'wire');
      mkdirSync(join(wire, '.chunks'), { recursive: true });
      server = await startEmbeddedServer({
        clock: monotonicClock(),
        penaltyMs: 5,
        certificateFolder: folder,
        accounts: {
          users: [
            { id: 'bench@pbs', password: secret('PASSWORD'), tokens: [{ name: 't1', secret: secret('TOKEN-SECRET') }] },
          ],
          acl: [
            { ...everywhere, authId: 'bench@pbs' },
            { ...everywhere, authId: 'bench@pbs!t1' },
          ],
        },
      });
      server.setTransport({ name: transport });
      server.mount({ store: 'wire', path: wire });
      server.mount({ store: 'golden', path: join(golden, 'store') });
      const key = parseKeyFile(readFileSync(join(golden, 'key-golden.json'), 'utf8'), 'key-golden.json');
      crypt = await openKeyFile(key, { name: 'key-golden.json' });
    });
    after(async () => {
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    /** SHA-256 of an archive, put together from its chunks, and the checksum of its index. */
    async function restored(
      snapshot: string,
      archive: string,
    ): Promise<{ readonly csum: string; readonly sha256: string }> {
      const datastore = await openDatastore(wire);
      const index = await datastore.readIndex(snapshot, archive, { crypt });
      const sha256 = createHash('sha256');
      for (const { digest, length } of index.slots()) {
        const plain = decodeBlob(await datastore.readChunk(digest), { maxPlainBytes: length, crypt });
        assert.equal(plain.length, length);
        sha256.update(plain);
      }
      return { csum: index.csum, sha256: sha256.digest('hex') };
    }

    async function verify(snapshot: string): Promise<void> {
      const { problems, warnings, chunkCount } = await verifyDatastore({
        datastore: await openDatastore(wire),
        snapshot,
        crypt,
        readThreads: 1,
        verifyThreads: 1,
        order: 'index',
        clock: monotonicClock(),
        signal: new AbortController().signal,
      });
      assert.deepEqual([problems, warnings], [[], []]);
      assert.ok(chunkCount > 0);
    }

    describe('recorded backups of real clients, driven into it', () => {
      const made = new MadeChunks();
      const images: readonly (readonly [log: string, answers: number, snapshots: readonly string[]])[] = [
        ['backup-image-full.log', 15, ['vm/100/2026-02-13T16:27:41Z']],
        ['backup-image-incremental.log', 11, ['vm/100/2026-02-14T16:28:42Z']],
        ['backup-encrypted.log', 11, ['vm/200/2026-02-13T17:26:40Z']],
        ['backup-qemu-lib-full-then-bitmap.log', 27, ['vm/101/2026-02-13T16:43:20Z', 'vm/101/2026-02-13T17:43:20Z']],
      ];
      for (const [log, answers, snapshots] of images) {
        it(`${log}: answered as recorded, sound, and restored to the original`, async () => {
          assert.equal((await play(log, server.port, made)).answers, answers);
          for (const snapshot of snapshots) {
            await verify(snapshot);
            const { csum, sha256 } = await restored(snapshot, 'drive-scsi0.img.fidx');
            assert.ok(originals.has(csum), 'it is one of the golden images');
            assert.equal(sha256, originals.get(csum));
          }
        });
      }

      const trees: readonly (readonly [log: string, answers: number, snapshot: string, archives: readonly string[]])[] =
        [
          ['backup-pxar-legacy.log', 11, 'host/anchor/2026-02-13T19:26:40Z', ['root.pxar.didx', 'catalog.pcat1.didx']],
          [
            'backup-pxar-metadata-1.log',
            12,
            'host/anchor-md/2026-02-13T19:28:20Z',
            ['root.mpxar.didx', 'root.ppxar.didx'],
          ],
          [
            'backup-pxar-metadata-2.log',
            19,
            'host/anchor-md/2026-02-14T19:28:20Z',
            ['root.mpxar.didx', 'root.ppxar.didx'],
          ],
        ];
      for (const [log, answers, snapshot, archives] of trees) {
        it(`${log}: answered as recorded, with chunks of the recorded sizes, and sound`, async () => {
          assert.equal((await play(log, server.port, made)).answers, answers);
          await verify(snapshot);
          for (const archive of archives) await restored(snapshot, archive);
        });
      }

      it('benchmark.log: answered as recorded, and nothing is left of it', async () => {
        const { answers, sentBytes } = await play('benchmark.log', server.port, made);
        assert.deepEqual([answers, sentBytes], [10, 10 * 4_194_304]);
        for (let round = 0; round < 200 && existsSync(join(wire, 'host/benchmark')); round += 1)
          await new Promise((resolve) => setTimeout(resolve, 10));
        assert.deepEqual(readdirSync(join(wire, 'host')).sort(), ['anchor', 'anchor-md']);
      });
    });

    describe('recorded restores of real clients, driven into it', () => {
      for (const [log, answers] of [
        ['restore-image-qemu-lib.log', 11],
        ['restore-image-qemu-lib-sequential.log', 11],
        ['restore-image-cli.log', 12],
        ['restore-encrypted-cli.log', 6],
        ['restore-pxar-legacy.log', 3],
        ['restore-pxar-split.log', 7],
        ['catalog-dump.log', 3],
      ] as const) {
        it(`${log}: answered as recorded, byte for byte`, async () => {
          assert.equal((await play(log, server.port, new MadeChunks())).answers, answers);
        });
      }
    });
  });
}
