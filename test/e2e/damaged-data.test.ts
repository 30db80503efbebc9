import assert from 'node:assert/strict';
import { cp, mkdtemp, open, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { exitCodes } from '../../src/model/errors.ts';
import { openDatastore } from '../../src/pbs/datastore/open-datastore.ts';
import { reportOf, Workbench } from './workbench.ts';

const golden = fileURLToPath(new URL('../fixtures/golden/store', import.meta.url));
const snapshot = 'vm/100/2026-02-16T16:30:44Z';
const archive = 'drive-scsi0.img.fidx';

async function flipByte(path: string, position: number): Promise<void> {
  await using file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, position);
  await file.write(Buffer.of((byte[0] ?? 0) ^ 0xff), 0, 1, position);
}

/** What is done to a copy of the store, and what both commands must name. */
const damages: readonly (readonly [
  what: string,
  damage: (store: string, digest: string) => Promise<void>,
  names: (digest: string) => RegExp,
])[] = [
  [
    'a flipped byte in a chunk',
    async (store, digest) => await flipByte(join(store, '.chunks', digest.slice(0, 4), digest), 5000),
    (digest) => new RegExp(digest, 'u'),
  ],
  [
    'a missing chunk',
    async (store, digest) => await rm(join(store, '.chunks', digest.slice(0, 4), digest)),
    (digest) => new RegExp(digest, 'u'),
  ],
  [
    'a truncated chunk',
    async (store, digest) => await truncate(join(store, '.chunks', digest.slice(0, 4), digest), 1000),
    (digest) => new RegExp(digest, 'u'),
  ],
  [
    'a flipped byte in the index',
    async (store) => await flipByte(join(store, snapshot, archive), 4100),
    () => /drive-scsi0\.img\.fidx|digest|checksum/u,
  ],
  [
    'a truncated index',
    async (store) => await truncate(join(store, snapshot, archive), 4111),
    () => /drive-scsi0\.img\.fidx/u,
  ],
  [
    'a flipped byte in the manifest',
    async (store) => await flipByte(join(store, snapshot, 'index.json.blob'), 40),
    () => /index\.json\.blob|manifest/u,
  ],
];

await describe('damaged data fail the trials that need them (exit 3), and inspect says where (exit 1)', async () => {
  let bench: Workbench;
  let digest: string;
  before(async () => {
    bench = await Workbench.open();
    const index = await (await openDatastore(golden)).readIndex(snapshot, archive);
    // A chunk that is large as stored, so that there is a byte to flip well inside.
    for (const slot of index.slots()) {
      const { length } = await readFile(join(golden, '.chunks', slot.digest.slice(0, 4), slot.digest));
      if (!slot.isZero && length > 100_000) digest = slot.digest;
    }
  });
  after(async () => await bench[Symbol.asyncDispose]());

  for (const [what, damage, names] of damages) {
    test(what, async () => {
      const store = await mkdtemp(join(tmpdir(), 'restorelab-damaged-'));
      try {
        await cp(golden, store, { recursive: true });
        await damage(store, digest);
        const file = await bench.scenario('damaged', [
          `server: { kind: embedded, datastore: "${store}", snapshot: "${snapshot}", archive: ${archive} }`,
          'strategies: [ { name: sequential }, { name: window-unordered } ]',
          'trials: { repeats: 1, warmUp: 0 }',
        ]);
        const run = await bench.command(['run', file, '--json']);
        assert.equal(run.exitCode, exitCodes.trials, run.stderr);
        const trials = reportOf(run).cases[0]?.strategies.flatMap((strategy) => strategy.trials) ?? [];
        assert.equal(trials.length, 2);
        for (const { status, error } of trials) {
          assert.equal(status, 'failed');
          assert.match(error?.message ?? '', names(digest));
        }
        const inspect = await bench.command(['inspect', store, snapshot]);
        assert.equal(inspect.exitCode, exitCodes.failed, inspect.stderr + inspect.stdout);
        assert.match(inspect.stderr + inspect.stdout, names(digest));
      } finally {
        await rm(store, { recursive: true, force: true });
      }
    });
  }
});
