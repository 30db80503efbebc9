import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { exitCodes } from '../../src/model/errors.ts';
import { loadKey } from '../../src/pbs/client/load-key.ts';
import { strategies } from '../../src/strategy/strategies.ts';
import { copyOfGolden } from '../pbs/datastore/golden.ts';
import { reportOf, Workbench } from './workbench.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface ExpectedFile {
  readonly 'crypt-mode': string | null;
  readonly original?: { readonly sha256: string } | string;
  readonly stream_sha256?: string;
  readonly chunk_count: number;
  readonly zero_chunk_count: number;
  readonly repeated_nonzero: number;
  readonly unique_chunk_count: number;
}

const { snapshots } = JSON.parse(await readFile(join(root, 'test/fixtures/golden/expected.json'), 'utf8')) as {
  snapshots: Record<string, { files: Record<string, ExpectedFile> }>;
};
const images = Object.entries(snapshots).flatMap(([snapshot, { files }]) =>
  Object.entries(files)
    .filter(([archive]) => archive.endsWith('.fidx'))
    .map(([archive, file]) => ({ snapshot, archive, ...file })),
);

await describe('the datastore that a real PBS wrote', () => {
  test('every image is restored by every strategy to its recorded hash', async () => {
    await using bench = await Workbench.open();
    const result = await bench.command(['run', join(root, 'scenarios/golden.yaml'), '--json']);
    assert.equal(result.exitCode, exitCodes.fine, result.stderr);
    assert.match(result.stderr, /signed/u, 'the sign-only snapshot is restored with a warning');
    const { cases, warnings } = reportOf(result);
    assert.ok(warnings.some(({ sentence }) => /signature/u.test(sentence)));
    assert.equal(cases.length, images.length);
    for (const { snapshot, archive, original } of images) {
      const restored = cases.find(({ image }) => image?.snapshot === snapshot && image.archive === archive);
      assert.equal(restored?.image?.sha256, typeof original === 'string' ? original : original?.sha256);
      assert.equal(restored?.strategies.length, Object.keys(strategies).length);
      for (const { trials } of restored?.strategies ?? []) {
        assert.ok(trials.length > 0);
        for (const trial of trials) assert.equal(trial.verified, true, JSON.stringify(trial));
      }
    }
  });

  test('encrypted images and archives of files are restored to their recorded hashes', async () => {
    await using bench = await Workbench.open();
    bench.env['PBS_ENCRYPTION_PASSWORD_FILE'] = join(bench.folder, 'password');
    await writeFile(join(bench.folder, 'password'), 'anchor-key-pw\nmore\n');
    const golden = join(root, 'test/fixtures/golden');
    const cases = [
      ['vm/200/2026-02-15T18:26:40Z', 'drive-scsi0.img.fidx', 'key-golden.json'],
      ['host/anchor-enc/2026-02-15T21:13:20Z', 'etc.pxar', 'key-scrypt.json'],
      ['host/anchor/2026-02-13T19:26:40Z', 'root.pxar'],
      ['host/anchor-md/2026-02-14T19:28:20Z', 'root.ppxar.didx'],
    ] as const;
    const servers = cases.map(([snapshot, archive, key]) => {
      const keyFile = key === undefined ? '' : `, keyFile: "${join(golden, key)}"`;
      return `    - { kind: embedded, datastore: "${join(golden, 'store')}", snapshot: "${snapshot}", archive: ${archive}${keyFile} }`;
    });
    const file = await bench.scenario('keys', [
      'strategies: [ { name: sequential }, { name: window-ordered, inFlight: 4, decodeThreads: 2 } ]',
      `target: { kind: file, path: "${join(bench.folder, 'image')}" }`,
      'trials: { repeats: 1, warmUp: 0 }',
      'matrix:\n  server:',
      ...servers,
    ]);
    const result = await bench.command(['run', file, '--json']);
    assert.equal(result.exitCode, exitCodes.fine, result.stderr);
    const { cases: reported, warnings } = reportOf(result);
    assert.ok(!warnings.some(({ code }) => code === 'image'), 'signatures were checked');
    assert.equal(reported.length, cases.length);
    for (const [index, { image, strategies: ran }] of reported.entries()) {
      const [snapshot, archive] = cases[index] ?? ['', ''];
      const facts = snapshots[snapshot]?.files[archive.endsWith('idx') ? archive : `${archive}.didx`];
      const recorded = typeof facts?.original === 'object' ? facts.original.sha256 : facts?.stream_sha256;
      assert.equal(image?.sha256, recorded, snapshot);
      for (const { trials } of ran) {
        assert.equal(trials.length, 1);
        for (const trial of trials)
          assert.deepEqual([trial.verified, trial.sha256], [true, recorded], JSON.stringify(trial));
      }
    }
    // Neither what was printed nor any record of the run has a key or a password in it.
    const outputs = [Buffer.from(`${result.stdout}${result.stderr}`)];
    for (const entry of await readdir(bench.folder, { recursive: true, withFileTypes: true }))
      if (entry.isFile() && entry.name !== 'password') outputs.push(await readFile(join(entry.parentPath, entry.name)));
    assert.ok(outputs.length > 2 * cases.length, 'there are records');
    for (const name of ['key-golden.json', 'key-scrypt.json']) {
      const path = join(golden, name);
      const key = (await loadKey(path, { passphrase: () => 'anchor-key-pw' })).copyKey();
      const secrets = ['hex', 'base64', 'base64url', 'latin1'] as const;
      for (const secret of [...secrets.map((encoding) => Buffer.from(key).toString(encoding)), 'anchor-key-pw']) {
        const bytes = Buffer.from(secret, 'latin1');
        for (const output of outputs) assert.ok(!output.includes(bytes), `${name} in an output`);
      }
    }
  });

  test('a key that is missing, wrong or closed stops a run before it begins', async () => {
    await using bench = await Workbench.open();
    const golden = join(root, 'test/fixtures/golden');
    for (const [key, says] of [
      [undefined, /is encrypted.*no key/u],
      ['nowhere.json', /no encryption key/u],
      ['key-scrypt.json', /password/u],
      ['key-pbkdf2.json', /not the one of this backup/u],
      ['README.md', /not an encryption key/u],
    ] as const) {
      if (key === 'key-pbkdf2.json') bench.env['PBS_ENCRYPTION_PASSWORD'] = 'anchor-key-pw';
      const keyFile = key === undefined ? '' : `, keyFile: "${join(golden, key)}"`;
      const file = await bench.scenario('keys', [
        `server: { kind: embedded, datastore: "${join(golden, 'store')}", snapshot: "vm/200/2026-02-15T18:26:40Z", archive: drive-scsi0${keyFile} }`,
      ]);
      const { exitCode, stderr } = await bench.command(['run', file]);
      assert.equal(exitCode, exitCodes.usage, stderr);
      assert.match(stderr, says);
    }
  });

  test('inspect without a snapshot lists them', async () => {
    await using bench = await Workbench.open();
    const { exitCode, stdout } = await bench.command(['inspect', join(root, 'test/fixtures/golden/store')]);
    assert.equal(exitCode, exitCodes.fine);
    for (const snapshot of Object.keys(snapshots)) assert.ok(stdout.includes(snapshot), snapshot);
  });

  test('inspect looks into the namespace of a folder that it is told, and lists as JSON', async () => {
    await using bench = await Workbench.open();
    await using copy = await copyOfGolden(['vm/100', 'vm/400', '.chunks']);
    await mkdir(join(copy.path, 'ns/team/vm'), { recursive: true });
    await rename(join(copy.path, 'vm/400'), join(copy.path, 'ns/team/vm/400'));
    const inside = 'vm/400/2026-02-15T18:26:40Z';
    const root = await bench.command(['inspect', copy.path]);
    assert.ok(!root.stdout.includes(inside), root.stdout);
    assert.match(root.stdout, /\nNamespaces below, to be named with --ns: team\n$/u);
    const listed = await bench.command(['inspect', copy.path, '--ns', 'team', '--json']);
    const files = ['drive-efidisk0.img.fidx', 'drive-scsi0.img.fidx', 'index.json.blob', 'qemu-server.conf.blob'];
    assert.deepEqual(JSON.parse(listed.stdout), {
      formatVersion: 1,
      namespace: 'team',
      namespacesBelow: [],
      snapshots: [{ snapshot: inside, finished: true, files }],
    });
    const inspected = await bench.command(['inspect', copy.path, inside, '--ns', 'team', '--quick']);
    assert.equal(inspected.exitCode, exitCodes.fine, inspected.stderr);
    const absent = await bench.command(['inspect', copy.path, '--ns', 'none']);
    assert.equal(absent.exitCode, exitCodes.usage);
    assert.match(absent.stderr, /has no namespace none\nhint: it has team/u);
  });

  test('inspect prints the recorded counts', async () => {
    await using bench = await Workbench.open();
    for (const { snapshot, archive, ...expected } of images) {
      const key = join(root, 'test/fixtures/golden/key-golden.json');
      const { exitCode, stdout, stderr } = await bench.command([
        'inspect',
        join(root, 'test/fixtures/golden/store'),
        snapshot,
        ...(expected['crypt-mode'] === 'encrypt' ? ['--keyfile', key] : []),
      ]);
      assert.equal(exitCode, exitCodes.fine, stderr);
      const text = stdout.slice(stdout.indexOf(`${snapshot} ${archive}`));
      for (const name of ['chunk_count', 'zero_chunk_count', 'repeated_nonzero', 'unique_chunk_count'] as const) {
        assert.equal(
          Number(new RegExp(`^ +${name} +(\\d+)`, 'mu').exec(text)?.[1]),
          expected[name],
          `${snapshot} ${archive} ${name}`,
        );
      }
    }
  });
});
