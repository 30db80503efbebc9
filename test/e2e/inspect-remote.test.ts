import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { copyOfGolden, goldenFolder, goldenStore } from '../pbs/datastore/golden.ts';
import { chunkFile, GoldenServer, incompressible, secret, userId } from '../pbs/server/golden-server.ts';
import { Workbench } from './workbench.ts';

const plain = 'vm/100/2026-02-16T16:30:44Z';
const encrypted = 'vm/200/2026-02-15T18:26:40Z';
const archives = 'host/anchor-enc/2026-02-15T21:13:20Z';
const key = ['--keyfile', join(goldenFolder, 'key-golden.json')] as const;

/** A workbench whose environment names a datastore of the server. */
async function benchFor({ server }: GoldenServer, store = 'golden'): Promise<Workbench> {
  const bench = await Workbench.open();
  bench.env['PBS_REPOSITORY'] = `${userId}@127.0.0.1:${server.port}:${store}`;
  bench.env['PBS_FINGERPRINT'] = server.fingerprint;
  bench.env['PBS_PASSWORD'] = secret;
  return bench;
}

test('a snapshot on a server is found to be what it is in its folder', async () => {
  await using golden = await GoldenServer.start();
  await using bench = await benchFor(golden);
  bench.env['PBS_ENCRYPTION_PASSWORD_CMD'] = 'echo anchor-key-pw';
  for (const args of [
    [plain],
    [encrypted],
    [encrypted, ...key],
    [archives, '--keyfile', join(goldenFolder, 'key-scrypt.json')],
    ['host/anchor-md/2026-02-14T19:28:20Z', '--json'],
  ]) {
    const remote = await bench.command(['inspect', ...args]);
    const local = await bench.command(['inspect', goldenStore, ...args]);
    assert.deepEqual(remote, local, args.join(' '));
    assert.equal(remote.exitCode, 0);
    assert.match(remote.stdout, /chunk_?count/iu);
  }
});

test('quick: the indexes alone, and what that leaves unknown', async () => {
  await using golden = await GoldenServer.start();
  await using bench = await benchFor(golden);
  golden.server.resetCounters();
  const { exitCode, stdout } = await bench.command(['inspect', plain, '--quick']);
  assert.equal(exitCode, 0);
  assert.match(stdout, /chunk_count +12\n/u);
  assert.match(stdout, /stored +not sampled: no chunk was read/u);
  assert.equal(golden.server.counters().reads, 0);
});

test('damage on the server is found, by the digest of the chunk', async () => {
  await using golden = await GoldenServer.start();
  await using copy = await copyOfGolden(['.chunks', 'vm/100']);
  golden.server.mount({ store: 'damaged', path: copy.path });
  await using bench = await benchFor(golden, 'damaged');
  await writeFile(chunkFile(incompressible, copy.path), 'not a blob, but long enough');
  const missing = '5c10caba38d1a2cb74a14e89d6e25ca62977dea3aee9ae85816f23047e310683';
  await rm(chunkFile(missing, copy.path));
  const { exitCode, stdout } = await bench.command(['inspect', plain]);
  assert.equal(exitCode, 1);
  assert.match(stdout, new RegExp(`DAMAGED ${incompressible}: not a data blob`, 'u'));
  assert.match(stdout, new RegExp(`DAMAGED ${missing}: .*missing`, 'u'));
  assert.equal(stdout.match(/DAMAGED/gu)?.length, 2);
});

test('what cannot be inspected is told, with the exit code', async () => {
  await using golden = await GoldenServer.start();
  await using bench = await benchFor(golden);
  await writeFile(
    join(bench.folder, 'other.json'),
    JSON.stringify({
      kdf: null,
      created: '2026-01-01T00:00:00Z',
      modified: '2026-01-01T00:00:00Z',
      data: Buffer.alloc(32).toString('base64'),
    }),
  );
  for (const [args, exitCode, words] of [
    [['vm/100/2020-01-01T00:00:00Z'], 2, /no snapshot vm\/100\/2020-01-01T00:00:00Z/u],
    [[plain, '--ns', 'none'], 2, /namespace none/u],
    [['vm/100/../../x'], 2, /not a datastore/u],
    [[encrypted, '--keyfile', 'other.json'], 2, /not the one of this backup/u],
    [[encrypted, '--keyfile', 'absent.json'], 2, /no encryption key/u],
    [[archives, '--keyfile', join(goldenFolder, 'key-scrypt.json')], 2, /PBS_ENCRYPTION_PASSWORD|pass(?:word|phrase)/u],
  ] as const) {
    const refused = await bench.command(['inspect', ...args]);
    assert.deepEqual([refused.exitCode, refused.stdout], [exitCode, ''], refused.stderr);
    assert.match(refused.stderr, words);
  }
  delete bench.env['PBS_REPOSITORY'];
  const nowhere = await bench.command(['inspect', plain]);
  assert.deepEqual([nowhere.exitCode, nowhere.stdout], [2, '']);
  assert.match(nowhere.stderr, /nothing says of which datastore/u);
});
