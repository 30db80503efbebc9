import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { exitCodes } from '../../src/model/errors.ts';
import { canTrace, parseTrace, tracer, type TracedCall } from './traced-calls.ts';
import { Workbench, type CommandResult } from './workbench.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** What has not come about by then will not. */
const GIVE_UP_MS = 30_000;

async function eventually<Value>(look: () => Value | undefined, what: string): Promise<Value> {
  const deadline = Date.now() + GIVE_UP_MS;
  for (;;) {
    const value = look();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`it did not come about: ${what}`);
    await sleep(20);
  }
}

await describe('restorelab serve, backed up into', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
    Object.assign(bench.env, { PBS_PASSWORD: 'a password' });
  });
  after(async () => await bench[Symbol.asyncDispose]());

  /** A server of its own process, started through another program where that is given. */
  async function serve(store: string, through: readonly string[] = []): Promise<ChildProcess> {
    await mkdir(store, { recursive: true });
    const [program, ...args] = [...through, process.execPath, main, 'serve', '--datastore', store];
    const child = spawn(program, [...args, '--port', '0'], {
      cwd: bench.folder,
      env: { ...process.env, ...bench.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (text: Buffer) => (printed += text.toString()));
    const [, port = '', fingerprint = ''] = await eventually(
      () => /127\.0\.0\.1:(\d+):store[\s\S]*FINGERPRINT=(\S+)/u.exec(printed) ?? undefined,
      'the server listens',
    );
    Object.assign(bench.env, { PBS_REPOSITORY: `127.0.0.1:${port}:store`, PBS_FINGERPRINT: fingerprint });
    return child;
  }

  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  const seed = async (...args: readonly string[]): Promise<CommandResult> => await bench.command(['seed', ...args]);

  const filesIn = (folder: string): string[] => readdirSync(folder, { recursive: true }).map(String);
  const chunkCount = (store: string): number =>
    filesIn(join(store, '.chunks')).filter((name) => /\/[0-9a-f]{64}$/u.test(name)).length;

  test('a server that is killed leaves nothing that looks finished and no lock', async () => {
    const store = join(bench.folder, 'killed');
    const server = await serve(store);
    assert.equal((await seed('--group', 'vm/1', '--size', '8 MiB')).exitCode, exitCodes.fine);
    const dying = seed('--group', 'vm/1', '--history', '2', '--change-rate', '100 %', '--size', '1 GiB', '--seed', 'b');
    const other = seed('--group', 'vm/2', '--size', '1 GiB', '--compression-ratio', '1');
    await eventually(() => (chunkCount(store) > 10 ? true : undefined), 'chunks arrive');
    await end(server, 'SIGKILL');
    const [first, second] = await Promise.all([dying, other]);
    assert.notEqual(first.exitCode, exitCodes.fine);
    assert.equal(second.exitCode, exitCodes.server, second.stderr);
    const manifests = filesIn(join(store, 'vm')).filter((name) => name.endsWith('index.json.blob'));
    assert.equal(manifests.length, 1, manifests.join(' '));
    const again = await serve(store);
    const { exitCode, stderr } = await seed('--group', 'vm/2', '--size', '8 MiB', '--seed', 'c');
    assert.equal(exitCode, exitCodes.fine, stderr);
    await end(again, 'SIGTERM');
    const finished = filesIn(join(store, 'vm')).filter((name) => name.endsWith('index.json.blob'));
    assert.equal(finished.length, 2);
    for (const name of finished)
      assert.equal((await bench.command(['verify', store, `vm/${dirname(name)}`])).exitCode, exitCodes.fine);
  });

  test('a server that is stopped removes what is not finished before it ends', async () => {
    const store = join(bench.folder, 'stopped');
    const server = await serve(store);
    const stopped = seed('--group', 'vm/1', '--size', '2 GiB', '--compression-ratio', '1');
    await eventually(() => (chunkCount(store) > 5 ? true : undefined), 'chunks arrive');
    assert.deepEqual(readdirSync(join(store, 'vm')), ['restorelab-1']);
    await end(server, 'SIGTERM');
    assert.deepEqual(readdirSync(join(store, 'vm')), []);
    const { exitCode, stderr } = await stopped;
    assert.equal(exitCode, exitCodes.server, stderr);
  });

  test('two servers of one datastore agree on who has a group', async () => {
    const store = join(bench.folder, 'shared');
    const servers = [await serve(store)];
    const first = { ...bench.env };
    try {
      servers.push(await serve(store));
      const long = bench.command(['seed', '--group', 'vm/1', '--size', '2 GiB', '--compression-ratio', '1']);
      await eventually(() => (chunkCount(store) > 2 ? true : undefined), 'the backup goes on');
      Object.assign(bench.env, first);
      const { exitCode, stderr } = await seed('--group', 'vm/1', '--size', '8 MiB');
      assert.equal(exitCode, exitCodes.server, stderr);
      assert.match(stderr, /unable to acquire backup group lock/u);
      assert.equal((await seed('--group', 'vm/2', '--size', '8 MiB')).exitCode, exitCodes.fine);
      for (const server of servers.splice(1)) await end(server, 'SIGKILL');
      assert.notEqual((await long).exitCode, exitCodes.fine);
      const after = await seed('--group', 'vm/1', '--size', '8 MiB');
      assert.equal(after.exitCode, exitCodes.fine, after.stderr);
    } finally {
      for (const server of servers) await end(server, 'SIGTERM');
    }
  });

  test(
    'writes, flushes and renames every file, and flushes its folder, before it says that a backup is finished',
    { skip: canTrace() ? false : 'strace is missing, or may not trace here' },
    async () => {
      const store = join(bench.folder, 'traced');
      const log = join(bench.folder, 'trace');
      const server = await serve(store, tracer(log));
      const { exitCode, stderr } = await seed('--group', 'vm/1', '--size', '16 MiB');
      assert.equal(exitCode, exitCodes.fine, stderr);
      // Not strace itself: it would leave the server behind.
      const [, pid = ''] = /^(\d+) /u.exec(readFileSync(log, 'latin1')) ?? [];
      const exited = once(server, 'exit');
      process.kill(Number(pid), 'SIGTERM');
      await exited;
      const calls = parseTrace(readFileSync(log, 'latin1'));
      assert.equal(checkOrder(calls, store) >= 6, true);
    },
  );

  /** Of every file that gets its name in the datastore; returns how many these are. */
  function checkOrder(calls: readonly TracedCall[], store: string): number {
    const renames = calls.flatMap((call) => {
      const [from, to] = [...call.arguments.matchAll(/"([^"]*)"/gu)].map(([, path = '']) => path);
      // The lock file of a new datastore is empty.
      const isOurs = from?.startsWith(store) === true && !from.includes('/.lock');
      return call.name.startsWith('rename') && isOurs && to !== undefined ? [{ call, from, to }] : [];
    });
    const isOn = ({ arguments: text }: TracedCall, path: string): boolean => text.includes(`<${path}>`);
    const isFlush = ({ name }: TracedCall): boolean => name === 'fsync' || name === 'fdatasync';
    for (const { call, from, to } of renames) {
      const before = calls.filter((one) => one.ended < call.began && isOn(one, from));
      const written = before.findLastIndex(({ name }) => name.includes('write'));
      const flushed = before.findLastIndex(isFlush);
      assert.ok(written !== -1 && flushed > written, `${to} is flushed before it gets its name`);
      const folder = calls.find((one) => one.began > call.ended && isFlush(one) && isOn(one, dirname(to)));
      assert.ok(folder !== undefined, `the folder of ${to} is flushed`);
      const manifest = renames.at(-1);
      if (manifest !== undefined && !to.endsWith('index.json.blob'))
        assert.ok(folder.ended < manifest.call.began, `${to} is safe before the manifest`);
    }
    return renames.length;
  }

  test('a read-only datastore takes nothing', async () => {
    const stop = new AbortController();
    const printed = Promise.withResolvers<string>();
    const store = join(bench.folder, 'read-only');
    await mkdir(store);
    const empty = await bench.command(['serve', '--datastore', store, '--read-only', '--port', '0']);
    assert.equal(empty.exitCode, exitCodes.usage, empty.stderr);
    assert.deepEqual(readdirSync(store), [], 'nothing was made of it');
    await mkdir(join(store, '.chunks'));
    const serving = bench.command(['serve', '--datastore', store, '--read-only', '--port', '0'], {
      interrupted: stop.signal,
      onStdout: printed.resolve,
    });
    const text = await printed.promise;
    const [, port = '', fingerprint = ''] = /:(\d+):store[\s\S]*FINGERPRINT=(\S+)/u.exec(text) ?? [];
    Object.assign(bench.env, { PBS_REPOSITORY: `127.0.0.1:${port}:store`, PBS_FINGERPRINT: fingerprint });
    const { exitCode, stderr } = await seed('--group', 'vm/1', '--size', '8 MiB');
    assert.equal(exitCode, exitCodes.server);
    assert.match(stderr, /unavailable: read-only maintenance mode/u);
    stop.abort();
    assert.equal((await serving).exitCode, exitCodes.fine);
  });
});
