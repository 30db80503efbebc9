import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { goldenStore } from '../pbs/datastore/golden.ts';
import { exchange, getText, logIn, openTls } from '../pbs/server/raw-client.ts';
import { Workbench } from './workbench.ts';

await describe('restorelab serve', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  /** Runs it until `use`, which is given what was printed, has ended. */
  async function serving(args: readonly string[], use: (printed: string) => Promise<void>): Promise<string> {
    const stop = new AbortController();
    const printed = Promise.withResolvers<string>();
    const running = bench.command(['serve', '--port', '0', ...args], {
      interrupted: stop.signal,
      onStdout: printed.resolve,
    });
    try {
      await use(await Promise.race([printed.promise, running.then(({ stderr }) => Promise.reject(new Error(stderr)))]));
    } finally {
      stop.abort();
    }
    const { exitCode, stderr } = await running;
    assert.equal(exitCode, 0, stderr);
    return stderr;
  }

  const exported = (printed: string, name: string): string =>
    new RegExp(`^  export ${name}='?([^'\n]*)'?$`, 'mu').exec(printed)?.[1] ?? '';
  const portOf = (printed: string): number => Number(/:(\d+):/u.exec(exported(printed, 'PBS_REPOSITORY'))?.[1]);

  test('prints all that a client needs but the password, which is in a file', async () => {
    const file = await bench.scenario('served', ['link: { roundTrip: 5 ms }', 'image: { size: 16 MiB }']);
    await serving(['--scenario', file, '--store', 'tank'], async (printed) => {
      const secret = (await readFile(exported(printed, 'PBS_PASSWORD_FILE'), 'utf8')).trim();
      assert.ok(secret.length > 20 && !printed.includes(secret));
      assert.match(exported(printed, 'PBS_REPOSITORY'), /^root@pam@127\.0\.0\.1:\d+:tank$/u);
      const socket = await openTls(portOf(printed));
      assert.equal(socket.getPeerX509Certificate()?.fingerprint256.toLowerCase(), exported(printed, 'PBS_FINGERPRINT'));
      const cookie = `PBSAuthCookie=${await logIn(socket, 'root@pam', secret)}`;
      const list = await exchange(socket, getText('/api2/json/admin/datastore/tank/snapshots?', { cookie }));
      assert.equal((JSON.parse(list.body) as { data: unknown[] }).data.length, 1);
      socket.destroy();
      assert.match(printed, /link +5\.00 ms round trip, unlimited/u);
    });
  });

  test('leaves the password of another server alone', async () => {
    await serving(['--datastore', goldenStore], async (first) => {
      const file = exported(first, 'PBS_PASSWORD_FILE');
      const secret = (await readFile(file, 'utf8')).trim();
      await serving(['--datastore', goldenStore], async (second) => {
        assert.notEqual(exported(second, 'PBS_PASSWORD_FILE'), file);
      });
      assert.equal((await readFile(file, 'utf8')).trim(), secret);
    });
  });

  test('takes users from a file, with hashed secrets, and warns where others can read it', async () => {
    const { stdout } = await bench.command(['serve', '--hash-secret'], { stdin: ['the password\nmore\n'] });
    const file = join(bench.folder, 'users.yaml');
    await writeFile(
      file,
      [
        `users: [ { id: bench@pbs, password: "${stdout.trim()}" }, { id: nobody@pbs, password: "plain" } ]`,
        'permissions: [ { path: /datastore/store, to: bench@pbs, role: DatastoreReader } ]',
      ].join('\n'),
      { mode: 0o644 },
    );
    const stderr = await serving(['--datastore', goldenStore, '--users', 'users.yaml'], async (printed) => {
      assert.ok(!printed.includes('plain') && !printed.includes('scrypt'));
      const socket = await openTls(portOf(printed));
      for (const [user, password, status] of [
        ['bench@pbs', 'the password', 200],
        ['nobody@pbs', 'plain', 403],
      ] as const) {
        const cookie = `PBSAuthCookie=${await logIn(socket, user, password)}`;
        const list = await exchange(socket, getText('/api2/json/admin/datastore/store/snapshots', { cookie }));
        assert.equal(list.status, status, user);
      }
      socket.destroy();
    });
    assert.match(stderr, /warning: everybody on this machine may read .*users\.yaml: chmod 600/u);
  });

  test('says what is wrong before it listens', async () => {
    await writeFile(join(bench.folder, 'wrong.yaml'), 'users: [ { id: a@pbs, password: 5 } ]');
    const file = await bench.scenario('one-case', ['image: { size: 16 MiB }']);
    for (const [args, message] of [
      [[], /--datastore or --scenario is missing/u],
      [['--datastore', 'nowhere'], /nowhere is not a datastore/u],
      [['--scenario', 'no-such'], /no such file/u],
      [['--scenario', file, '--case', '2'], /has no case 2\nhint: it has 1/u],
      [['--datastore', goldenStore, '--users', 'wrong.yaml'], /wrong\.yaml:1:33: password must be a text/u],
      [['--hash-secret'], /there is no secret on standard input/u],
    ] as const) {
      const { exitCode, stderr } = await bench.command(['serve', ...args]);
      assert.equal(exitCode, 2, stderr);
      assert.match(stderr, message);
    }
  });
});
