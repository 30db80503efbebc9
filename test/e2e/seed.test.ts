import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import { exitCodes, InterruptedError } from '../../src/model/errors.ts';
import { Secret } from '../../src/model/secret.ts';
import { connectBackup } from '../../src/pbs/client/connect-backup.ts';
import type { BackupSession } from '../../src/pbs/client/backup-session.ts';
import { makeBackup } from '../../src/pbs/client/make-backup.ts';
import { DatastoreWriter } from '../../src/pbs/datastore/datastore-writer.ts';
import { parseManifest, type Manifest } from '../../src/pbs/format/manifest.ts';
import { parseSnapshotPath } from '../../src/pbs/format/snapshot-path.ts';
import { goldenImage } from '../pbs/client/golden-image.ts';
import { Workbench, type CommandResult } from './workbench.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const golden = fileURLToPath(new URL('../fixtures/golden/', import.meta.url));

/** `SEED_SIZE="4 GiB" node --test test/e2e/seed.test.ts` is the whole case; every `npm test` runs a small one. */
const SIZE = process.env['SEED_SIZE'] ?? '128 MiB';

/** A process that has not got on by then will not. */
const GIVE_UP_MS = 60_000;

const PASSWORD = 'planted password';
const STORE = 'tank';
const clock = monotonicClock();
const { signal } = new AbortController();

interface Seeded {
  readonly group: string;
  readonly seeded: readonly {
    readonly snapshot: string;
    readonly backup: number;
    readonly chunkCount: number;
    readonly csum: string;
    readonly uploadedChunks: number;
    readonly uploadedEncodedBytes: number;
    readonly durationMs: number;
  }[];
}

describe('seed on a server of its own process', () => {
  let bench: Workbench;
  let server: ChildProcess;
  let store: string;
  let port = 0;
  let fingerprint = '';

  before(async () => {
    bench = await Workbench.open();
    store = join(bench.folder, 'store');
    void new DatastoreWriter(store);
    Object.assign(bench.env, { PBS_PASSWORD: PASSWORD });
    server = spawn(process.execPath, [main, 'serve', '--datastore', store, '--store', STORE, '--port', '0'], {
      cwd: bench.folder,
      env: { ...process.env, ...bench.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    server.stdout?.on('data', (text: Buffer) => (printed += text.toString()));
    const facts = await eventually(
      () => /127\.0\.0\.1:(\d+):tank[\s\S]*fingerprint +(\S+)/u.exec(printed) ?? undefined,
      'the server listens',
    );
    port = Number(facts[1]);
    fingerprint = facts[2] ?? '';
    Object.assign(bench.env, { PBS_REPOSITORY: `127.0.0.1:${port}:${STORE}`, PBS_FINGERPRINT: fingerprint });
  });

  after(async () => {
    server.kill('SIGTERM');
    if (server.exitCode === null) await once(server, 'exit');
    await bench[Symbol.asyncDispose]();
  });

  const seed = async (...args: readonly string[]): Promise<CommandResult> => await bench.command(['seed', ...args]);

  async function seedJson(...args: readonly string[]): Promise<Seeded> {
    const { exitCode, stdout, stderr } = await seed(...args, '--json');
    assert.equal(exitCode, 0, stderr);
    return JSON.parse(stdout) as Seeded;
  }

  const manifestOf = async (snapshot: string): Promise<Manifest> =>
    parseManifest(await readFile(join(store, snapshot, 'index.json.blob')));

  /** What the server has counted while the snapshot was made. */
  async function received(snapshot: string): Promise<{ readonly count: number; readonly compressed_size: number }> {
    const { chunk_upload_stats: stats } = (await manifestOf(snapshot)).unprotected;
    return stats as { readonly count: number; readonly compressed_size: number };
  }

  /** Names of the chunks that are stored; one that is being written still has another name. */
  async function storedChunks(): Promise<readonly string[]> {
    const folders = await readdir(join(store, '.chunks'));
    const names = await Promise.all(folders.map(async (folder) => await readdir(join(store, '.chunks', folder))));
    return names.flat().filter((name) => /^[0-9a-f]{64}$/u.test(name));
  }

  /** Reads every chunk of every snapshot and checks it. */
  async function verifyAll(): Promise<void> {
    const { exitCode, stdout, stderr } = await bench.command(['verify', store]);
    assert.equal(exitCode, 0, stdout + stderr);
  }

  const connect = async (snapshot: string): Promise<BackupSession> =>
    await connectBackup({
      host: '127.0.0.1',
      port,
      fingerprint,
      credentials: { authId: 'root@pam', secret: new Secret(PASSWORD) },
      store: STORE,
      snapshot: parseSnapshotPath(snapshot),
      clock,
      signal,
    });

  /** A client that dies has left nothing behind but chunks. */
  async function assertNothingOf(group: string): Promise<void> {
    await eventually(() => (existsSync(join(store, group)) ? undefined : true), `nothing is left of ${group}`);
    await using session = await connect(`${group}/2026-01-01T00:00:00Z`);
    assert.equal(await session.previousBackupTime(signal), undefined);
  }

  it(`an image of ${SIZE}, and then only the 5 % of its chunks that changed`, async (context) => {
    const image = ['--group', 'vm/9100', '--size', SIZE, '--repeated-share', '10 %', '--change-rate', '5 %'];
    const full = await seedJson(...image);
    const [first] = full.seeded;
    assert.ok(first !== undefined);
    assert.equal(full.group, 'vm/restorelab-9100');
    const stored = await storedChunks();
    // One of zeros, and a fifth of the image is zeros or repeats.
    assert.equal(first.uploadedChunks, stored.length);
    assert.ok(first.uploadedChunks <= Math.ceil(first.chunkCount * 0.81) + 1, 'repeated chunks are stored once');
    const counted = await received(first.snapshot);
    assert.deepEqual([counted.count, counted.compressed_size], [first.uploadedChunks, first.uploadedEncodedBytes]);

    const increment = await seedJson(...image, '--history', '2');
    const [second] = increment.seeded;
    assert.ok(second !== undefined && increment.seeded.length === 1);
    const changed = Math.round(second.chunkCount * 0.05);
    assert.ok(second.uploadedChunks <= changed && second.uploadedChunks >= changed / 2, `${second.uploadedChunks}`);
    const recounted = await received(second.snapshot);
    assert.deepEqual(
      [recounted.count, recounted.compressed_size],
      [second.uploadedChunks, second.uploadedEncodedBytes],
    );
    assert.equal((await storedChunks()).length, stored.length + second.uploadedChunks);
    context.diagnostic(JSON.stringify({ first, second, counted, recounted }));

    assert.deepEqual((await seedJson(...image, '--history', '2')).seeded, [], 'nothing is missing');
    await verifyAll();
  });

  it('the snapshot says what it is, and by which command it was made', async () => {
    const { seeded } = await seedJson('--group', 'ct/marks', '--size', '9 MiB', '--seed', 'it\'s "quoted"');
    const { unprotected } = await manifestOf(seeded[0]?.snapshot ?? '');
    const [comment, command] = String(unprotected['notes']).split('\n');
    assert.match(comment ?? '', /^Synthetic image of restorelab seed, backup 1 of history [0-9a-f]{16}$/u);
    assert.match(command ?? '', /^Made by: restorelab seed --group ct\/restorelab-marks --size "9 MiB" /u);
    assert.doesNotMatch(`${comment}${command}`, new RegExp(`${PASSWORD}|${port}`, 'u'));
  });

  it('a history in one go and one in two are the same images, as is one that copies indexes', async () => {
    const image = ['--size', '40 MiB', '--change-rate', '20 %', '--seed', 'same'];
    const atOnce = await seedJson('--group', 'vm/once', ...image, '--history', '3');
    const csums = atOnce.seeded.map(({ csum }) => csum);
    assert.equal(new Set(csums).size, 3);
    const one = await seedJson('--group', 'vm/steps', ...image);
    const more = await seedJson('--group', 'vm/steps', ...image, '--history', '3', '--copy-index');
    assert.deepEqual(
      [...one.seeded, ...more.seeded].map(({ csum }) => csum),
      csums,
    );
    assert.ok(more.seeded.every(({ uploadedChunks }) => uploadedChunks <= 2));
    const fewer = await seed('--group', 'vm/once', ...image, '--history', '1');
    assert.match(fewer.stdout, /holds 3 backups already, 1 was asked for: nothing was removed/u);
  });

  it('a group with other snapshots is left alone', async () => {
    await seedJson('--group', 'vm/mine', '--size', '8 MiB');
    const other = await seed('--group', 'vm/mine', '--size', '12 MiB');
    assert.equal(other.exitCode, 2);
    assert.match(other.stderr, /of another synthetic image/u);
    const nowhere = await seed('--group', 'vm/mine', '--size', '8 MiB', '--ns', 'no/where');
    assert.equal(nowhere.exitCode, 2, nowhere.stderr);
    assert.match(nowhere.stderr, /no namespace no\/where/u);
  });

  it('an encrypted history is signed, and its increments use chunks again', async () => {
    await copyFile(join(golden, 'key-golden.json'), join(bench.folder, 'key.json'));
    const image = ['--group', 'vm/secret', '--size', '20 MiB', '--keyfile', 'key.json', '--change-rate', '40 %'];
    const first = await seedJson(...image);
    const second = await seedJson(...image, '--history', '2');
    assert.equal(second.seeded[0]?.uploadedChunks, 2);
    const { files, signature } = await manifestOf(second.seeded[0].snapshot);
    assert.ok(signature !== undefined && files.every(({ cryptMode }) => cryptMode === 'encrypt'));
    assert.notEqual(first.seeded[0]?.csum, second.seeded[0].csum);
    const inspected = await bench.command(['inspect', store, second.seeded[0].snapshot, '--keyfile', 'key.json']);
    assert.equal(inspected.exitCode, 0, inspected.stderr + inspected.stdout);
  });

  it('a second backup of a group is refused while the first is under way', async () => {
    await using session = await connect('vm/restorelab-busy/2026-01-01T00:00:00Z');
    assert.equal(await session.previousBackupTime(signal), undefined);
    const { exitCode, stderr } = await seed('--group', 'vm/busy', '--size', '8 MiB');
    assert.equal(exitCode, 4);
    assert.match(stderr, /unable to acquire backup group lock/u);
    await session[Symbol.asyncDispose]();
    await eventually(() => (existsSync(join(store, 'vm/restorelab-busy')) ? undefined : true), 'the first is gone');
    await seedJson('--group', 'vm/busy', '--size', '8 MiB');
  });

  it('a client that is killed leaves no snapshot and no lock, and what it uploaded is sound', async () => {
    const before = (await storedChunks()).length;
    const args = ['seed', '--group', 'vm/killed', '--size', '2 GiB', '--compression-ratio', '1', '--seed', 'killed'];
    const child = spawn(process.execPath, [main, ...args], {
      cwd: bench.folder,
      env: { ...process.env, ...bench.env },
      stdio: 'ignore',
    });
    const exited = once(child, 'exit');
    try {
      await eventually(async () => ((await storedChunks()).length >= before + 5 ? true : undefined), 'chunks arrive');
      assert.ok(existsSync(join(store, 'vm/restorelab-killed')));
    } finally {
      child.kill('SIGKILL');
      await exited;
    }
    await assertNothingOf('vm/restorelab-killed');
    await verifyAll();
  });

  it('an interrupted client ends with 130, keeps the backups that are finished and no other', async () => {
    const controller = new AbortController();
    const group = join(store, 'vm/restorelab-stopped');
    const running = bench.command(['seed', '--group', 'vm/stopped', '--size', '16 MiB', '--history', '200'], {
      interrupted: controller.signal,
    });
    const finished = async (): Promise<string[]> => {
      const names = await readdir(group).catch((): string[] => []);
      return names.filter((name) => existsSync(join(group, name, 'index.json.blob')));
    };
    await eventually(async () => ((await finished()).length > 0 ? true : undefined), 'one is finished');
    controller.abort(new InterruptedError('SIGINT'));
    const { exitCode, stdout } = await running;
    assert.equal(exitCode, 130);
    await eventually(async () => {
      const names = (await readdir(group)).filter((name) => name !== 'owner');
      return names.length === (await finished()).length ? true : undefined;
    }, 'the others are gone');
    for (const name of await finished()) assert.ok(stdout.includes(name), stdout);
  });

  it('--forget lists and removes what has both marks, and nothing else', async () => {
    const foreign = 'vm/restorelab-foreign/2026-02-01T00:00:00Z';
    {
      await using session = await connect(foreign);
      const images = [{ archive: 'drive-scsi0.img.fidx', image: goldenImage('vm/400/2026-02-15T18:26:40Z') }];
      const content = { snapshot: parseSnapshotPath(foreign), images, blobs: [], notes: 'by hand' };
      await makeBackup(session, content, { inFlight: 2, signal });
    }
    await seedJson('--group', 'vm/gone', '--size', '8 MiB', '--history', '2');
    const unasked = await seed('--forget', '--group', 'vm/gone');
    assert.equal(unasked.exitCode, 2);
    assert.equal(unasked.stdout.match(/^vm\/restorelab-gone\/\S+$/gmu)?.length, 2);
    assert.match(unasked.stderr, /standard input is not a terminal[\s\S]*--yes/u);
    assert.ok(existsSync(join(store, 'vm/restorelab-gone')));
    const one = await seed('--forget', '--group', 'vm/gone', '--yes');
    assert.equal(one.exitCode, 0, one.stderr);
    assert.match(one.stdout, /Removed these 2 snapshots/u);
    assert.ok(existsSync(join(store, 'vm/restorelab-mine')), 'another group stays');
    await seedJson('--group', 'vm/kept', '--size', '8 MiB', '--history', '2');
    const kept = join(store, 'vm/restorelab-kept');
    const [older = '', newer = ''] = (await readdir(kept)).filter((name) => name !== 'owner').toSorted();
    const marker = join(kept, newer, '.protected');
    await writeFile(marker, '');
    const part = await seed('--forget', '--group', 'vm/kept', '--yes', '--json');
    assert.equal(part.exitCode, exitCodes.server, part.stderr);
    assert.match(part.stderr, /protected/u);
    assert.deepEqual(JSON.parse(part.stdout), { formatVersion: 1, forgotten: [`vm/restorelab-kept/${older}`] });
    await rm(marker);
    const all = await seed('--forget', '--yes', '--json');
    assert.equal(all.exitCode, 0, all.stderr);
    const { forgotten } = JSON.parse(all.stdout) as { readonly forgotten: readonly string[] };
    assert.ok(forgotten.some((name) => name.startsWith('ct/restorelab-marks/')) && !forgotten.includes(foreign));
    assert.deepEqual(await readdir(join(store, 'vm')), ['restorelab-foreign']);
    assert.match((await seed('--forget', '--yes')).stdout, /There are no seeded snapshots in (?!group)/u);
    assert.match(
      (await seed('--forget', '--yes', '--group', 'vm/gone')).stdout,
      /snapshots in group vm\/restorelab-gone of /u,
    );
  });
});

/** Asks again and again. */
async function eventually<T>(look: () => Promise<T | undefined> | T | undefined, what: string): Promise<T> {
  for (const deadline = Date.now() + GIVE_UP_MS; Date.now() < deadline; await sleep(20)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`${what}: not within ${GIVE_UP_MS} ms`);
}
