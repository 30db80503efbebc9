import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import { startEmbeddedServer, type RunningServer } from '../../src/pbs/server/start-embedded-server.ts';
import { startStubServer } from '../pbs/client/stub-server.ts';
import { copyOfGolden, goldenFolder, goldenStore } from '../pbs/datastore/golden.ts';
import { chunkFile, digestsOf } from '../pbs/server/golden-server.ts';
import { PlantedSecrets } from './planted-secrets.ts';
import { Workbench, type CommandResult } from './workbench.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const USER = 'bench@pbs';
const TOKEN = 'bench@pbs!t1';
const password = 'planted password "%/é';
const tokenSecret = 'planted-token-secret-4711';
const passphrase = 'anchor-key-pw';
const { data: keyText } = JSON.parse(readFileSync(join(goldenFolder, 'key-golden.json'), 'utf8')) as { data: string };

const planted = new PlantedSecrets({
  'the password': password,
  'the secret of the token': tokenSecret,
  'the password of the key': passphrase,
  'the key': Buffer.from(keyText, 'base64'),
  'the user info of the URL': 'planted-in-url',
  'the environment': 'planted-in-environment',
  'the command': 'planted-in-command',
});

const plain = 'vm/100/2026-02-16T16:30:44Z';
const encrypted = 'vm/200/2026-02-15T18:26:40Z';
const keyed = ['--keyfile', join(goldenFolder, 'key-golden.json')] as const;

/** What is given to commands, and may hold secrets. */
const given = mkdtempSync(join(tmpdir(), 'restorelab-given-'));
after(() => rmSync(given, { recursive: true, force: true }));
writeFileSync(join(given, 'password'), `${password}\n`);

async function serve(userId: string, secret: string, path = goldenStore): Promise<RunningServer> {
  const server = await startEmbeddedServer({
    clock: monotonicClock(),
    penaltyMs: 5,
    userId,
    secret,
    certificateFolder: join(given, 'certificate'),
  });
  server.mount({ store: 'golden', path });
  return server;
}

/** A workbench whose environment is full of secrets. */
async function benchFor(
  { port, fingerprint }: Pick<RunningServer, 'port' | 'fingerprint'>,
  userId: string,
): Promise<Workbench> {
  const bench = await Workbench.open();
  Object.assign(bench.env, {
    PBS_REPOSITORY: `${userId}@127.0.0.1:${port}:golden`,
    PBS_FINGERPRINT: fingerprint,
    PBS_PASSWORD: userId === TOKEN ? tokenSecret : password,
    PBS_ENCRYPTION_PASSWORD: passphrase,
    OTHER_SECRET: 'planted-in-environment',
  });
  return bench;
}

function assertClean({ stdout, stderr }: Pick<CommandResult, 'stdout' | 'stderr'>, what: string): void {
  assert.deepEqual(planted.find(stdout), [], `stdout of ${what}`);
  assert.deepEqual(planted.find(stderr), [], `stderr of ${what}`);
}

/** Runs a command; neither it nor what it leaves in its folder may show a secret. */
async function run(bench: Workbench, exitCode: number, ...args: readonly string[]): Promise<CommandResult> {
  const result = await bench.command(args);
  assert.equal(result.exitCode, exitCode, `${args.join(' ')}: ${result.stderr}`);
  assertClean(result, args.join(' '));
  return result;
}

test('the search finds a secret in each of its forms', () => {
  for (const text of [
    `x${password}y`,
    JSON.stringify({ password }),
    `?p=${encodeURIComponent(password)}`,
    Buffer.from(password).toString('base64'),
    Buffer.from(password).toString('hex'),
  ])
    assert.match(planted.find(text).join(), /^the password/u, text);
  assert.match(planted.find(readFileSync(join(goldenFolder, 'key-golden.json'))).join(), /the key in base64/u);
  assert.deepEqual(planted.find('nothing of it'), []);
});

test('commands against a server show no secret, and leave none behind', async () => {
  await using server = await serve(USER, password);
  await using bench = await benchFor(server, USER);
  await run(bench, 0, 'snapshots');
  await run(bench, 0, 'snapshots', 'vm/200', '--json');
  await run(bench, 0, 'inspect', encrypted, ...keyed);
  await run(
    bench,
    0,
    'inspect',
    'host/anchor-enc/2026-02-15T21:13:20Z',
    '--keyfile',
    join(goldenFolder, 'key-scrypt.json'),
  );
  await run(bench, 0, 'restore', encrypted, 'drive-scsi0.img', 'target', ...keyed, '--decode-threads', '1');
  await run(bench, 0, 'capture', plain, '--out', 'captured.yaml', '--budget', '64MiB');
  delete bench.env['PBS_PASSWORD'];
  await run(bench, 0, 'snapshots', '--password-file', join(given, 'password'));
  bench.env['PBS_PASSWORD_CMD'] = `: planted-in-command; cat '${join(given, 'password')}'`;
  await run(bench, 0, 'snapshots');
  assert.ok((await planted.assertAbsentBelow(bench.folder)) >= 2);
});

test('an API token is as secret', async () => {
  await using server = await serve(TOKEN, tokenSecret);
  await using bench = await benchFor(server, TOKEN);
  await run(bench, 0, 'snapshots', '--json');
  await run(bench, 0, 'restore', plain, 'drive-scsi0.img', 'target', '--decode-threads', '1');
  bench.env['PBS_PASSWORD'] = `${tokenSecret}-no-more`;
  await run(bench, 4, 'inspect', plain);
  await planted.assertAbsentBelow(bench.folder);
});

test('errors show no secret, wherever it was put', async () => {
  await using server = await serve(USER, 'another password');
  await using bench = await benchFor(server, USER);
  await run(bench, 4, 'snapshots');
  await run(bench, 4, 'inspect', plain);
  await run(bench, 4, 'restore', plain, 'drive-scsi0.img', 'target');
  await run(bench, 2, 'snapshots', '--repository', `https://root:planted-in-url@127.0.0.1:${server.port}/golden`);
  await run(bench, 2, 'snapshots', '--repository', `root@pam:planted-in-url@127.0.0.1:${server.port}:golden`);
  const scenario = join(given, 'scenario.yaml');
  for (const line of ['repository: "root@pam:planted-in-url@127.0.0.1:golden"', 'password: planted-in-url']) {
    const place = `{ kind: pbs, ${line}, snapshot: "${plain}", archive: drive-scsi0 }`;
    writeFileSync(scenario, `formatVersion: 1\nname: a\nserver: ${place}\nstrategies: [ { name: sequential } ]\n`);
    await run(bench, 2, 'run', scenario);
    await run(bench, 2, 'run', scenario, '--dry-run');
  }
  await run(bench, 2, 'snapshots', '--fingerprint', password);
  await run(bench, 2, 'restore', plain, 'drive-scsi0.img', 'target', '--keyfile', join(given, 'password'));
  await run(
    bench,
    2,
    'inspect',
    encrypted,
    '--keyfile',
    join(goldenFolder, 'key-pbkdf2.json').replace('key-p', 'no-key-p'),
  );
  await run(bench, 4, 'snapshots', '--repository', `${USER}@127.0.0.1:1:golden`);
  Object.assign(bench.env, { PBS_PASSWORD: '', PBS_PASSWORD_CMD: `echo planted-in-command >/dev/null; exit 1` });
  await run(bench, 2, 'snapshots');
  Object.assign(bench.env, { PBS_REPOSITORY: '', PBS_SERVER: 'root:planted-in-url@pbs', PBS_DATASTORE: 'golden' });
  await run(bench, 2, 'snapshots');
  Object.assign(bench.env, { PBS_PASSWORD_CMD: '', PBS_PASSWORD_FD: password });
  await run(bench, 2, 'snapshots', '--repository', 'golden');
  await planted.assertAbsentBelow(bench.folder);
});

test('a server that repeats what it was sent is not quoted with it', async () => {
  for (const userId of [USER, TOKEN]) {
    await using server = await startStubServer({
      answer: (head, body) => ({
        status: 500,
        body: `cannot handle ${head.replaceAll('\r\n', ' ').slice(-250)} ${body}`,
      }),
    });
    await using bench = await benchFor(server, userId);
    const { stderr } = await run(bench, 4, 'snapshots');
    assert.match(stderr, /cannot handle/u);
    await run(bench, 4, 'restore', plain, 'drive-scsi0.img', 'target');
    await run(bench, 4, 'seed', '--size', '1 MiB');
    await planted.assertAbsentBelow(bench.folder);
  }
});

test('seeding and forgetting show no secret', async () => {
  await using copy = await copyOfGolden(['.chunks', 'vm/400']);
  await using server = await serve(USER, password, copy.path);
  await using bench = await benchFor(server, USER);
  await run(bench, 0, 'seed', '--size', '9 MiB', '--history', '2', ...keyed);
  await run(bench, 2, 'seed', '--size', '8 MiB', '--json');
  await run(bench, 2, 'seed', '--forget');
  await run(bench, 0, 'seed', '--forget', '--yes');
  bench.env['PBS_PASSWORD'] = `${password} no more`;
  await run(bench, 4, 'seed', '--group', 'vm/1', '--size', '8 MiB');
  await planted.assertAbsentBelow(bench.folder);
});

test('a restore that breaks off leaves a journal without secrets', async () => {
  await using copy = await copyOfGolden(['.chunks', 'vm/200']);
  const [digest] = digestsOf(`${encrypted}/drive-scsi0.img.fidx`).slice(-1);
  await rm(chunkFile(digest!, copy.path));
  await using server = await serve(USER, password, copy.path);
  await using bench = await benchFor(server, USER);
  await run(bench, 1, 'restore', encrypted, 'drive-scsi0.img', 'target', ...keyed, '--decode-threads', '1');
  const left = (await readdir(bench.folder)).filter((name) => name.startsWith('target'));
  assert.ok(left.length >= 2, left.join());
  await planted.assertAbsentBelow(bench.folder);
});

test('a run, its processes and its run directory show no secret of the environment', async () => {
  await using bench = await benchFor({ port: 8007, fingerprint: 'ab'.repeat(32) }, USER);
  const file = await bench.scenario('secrets', [
    'link: { roundTrip: 1 ms }',
    'strategies: [ { name: window-unordered, decodeThreads: 1 } ]',
    'trials: { repeats: 2, warmUp: 0 }',
  ]);
  const child = spawn(process.execPath, [main, 'run', file], {
    cwd: bench.folder,
    env: { ...process.env, ...bench.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = Promise.withResolvers<number | null>();
  child.once('close', ended.resolve);
  const commandLines = new Set<string>();
  const looking = setInterval(() => void commandLinesOf(child.pid ?? 0, commandLines), 20);
  const exitCode = await ended.promise;
  clearInterval(looking);
  assert.equal(exitCode, 0, stderr);
  assertClean({ stdout, stderr }, 'run');
  assert.ok(commandLines.size >= 4, 'the client, the server, the link and the sampler');
  for (const line of commandLines) assert.deepEqual(planted.find(line), [], line);
  assert.ok((await planted.assertAbsentBelow(bench.folder)) >= 5, 'records and reports');
});

test('a run on a server that the environment opens shows no secret, nor do its records and its refusal', async () => {
  await using server = await serve(TOKEN, tokenSecret);
  await using bench = await benchFor(server, TOKEN);
  const file = await bench.scenario('real', [
    `server: { kind: pbs, snapshot: "${encrypted}", archive: drive-scsi0.img, keyFile: ${JSON.stringify(keyed[1])} }`,
    'strategies: [ { name: window-unordered, decodeThreads: 1 } ]',
    'trials: { repeats: 1, warmUp: 0 }',
  ]);
  await run(bench, 0, 'run', file);
  assert.ok((await planted.assertAbsentBelow(bench.folder)) >= 5, 'records and reports');
  bench.env['PBS_PASSWORD'] = `not ${tokenSecret}`;
  await run(bench, 4, 'run', file);
  await planted.assertAbsentBelow(bench.folder);
});

/** Command lines of a process and of those that it has started. */
async function commandLinesOf(pid: number, found: Set<string>): Promise<void> {
  try {
    found.add(await readFile(`/proc/${pid}/cmdline`, 'utf8'));
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    for (const child of children.trim().split(' ')) if (child !== '') await commandLinesOf(Number(child), found);
  } catch {
    // It has ended meanwhile.
  }
}
