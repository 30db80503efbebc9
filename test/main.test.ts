import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { exitCodes } from '../src/model/errors.ts';

const golden = fileURLToPath(new URL('fixtures/golden/store', import.meta.url));
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

await describe('the process', async () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'restorelab-main-'));
  });
  after(async () => await rm(folder, { recursive: true, force: true }));

  const start = (args: readonly string[], nodeOptions: readonly string[] = []): ChildProcess =>
    spawn(process.execPath, [...nodeOptions, main, ...args], {
      cwd: folder,
      env: { ...process.env, XDG_STATE_HOME: join(folder, 'state'), XDG_CACHE_HOME: join(folder, 'cache') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  async function exitCodeOf(child: ChildProcess): Promise<number | null> {
    if (child.exitCode !== null) return child.exitCode;
    return ((await once(child, 'exit')) as [number | null])[0];
  }

  const preload = (code: string): readonly string[] => ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
  /** `scenario schema` prints JSON in one piece: with this more of it than the 64 KiB that a pipe holds. */
  const longerOutput = preload(
    'const { write } = process.stdout; process.stdout.write = function (text, ...rest) { return write.call(this, text === "" ? "" : JSON.stringify({ padding: "x".repeat(4_000_000), text }), ...rest); };',
  );

  test('ends only when a slow reader has all of its output', async () => {
    const child = start(['scenario', 'schema'], longerOutput);
    child.stderr?.resume();
    // Not reading yet: the pipe fills up.
    await Promise.race([once(child, 'exit'), sleep(1500)]);
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    await once(child, 'close');
    assert.equal(child.exitCode, exitCodes.fine);
    assert.ok(text.length > 4_000_000, `${text.length} characters came`);
    JSON.parse(text);
  });

  test('keeps its own exit code when the reader of stdout goes early', async () => {
    for (const [args, expected] of [
      [['scenario', 'validate', 'quickstart', 'no-such.yaml'], exitCodes.usage],
      [['scenario', 'schema'], exitCodes.fine],
    ] as const) {
      const child = start(args, longerOutput);
      child.stderr?.resume();
      child.stdout?.destroy();
      assert.equal(await exitCodeOf(child), expected, args.join(' '));
    }
  });

  test('keeps its own exit code when nobody reads stderr', async () => {
    const child = start(['run', 'no-such.yaml']);
    child.stderr?.destroy();
    child.stdout?.resume();
    assert.equal(await exitCodeOf(child), exitCodes.usage);
  });

  for (const [what, code] of [
    ['an exception', 'setTimeout(() => { throw new Error("planted") }, 1500)'],
    ['a rejection', 'setTimeout(() => { Promise.reject(new Error("planted")) }, 1500)'],
  ] as const) {
    test(`says ${what} that nobody caught as a mistake of its own, exit 70`, async () => {
      const child = start(['serve', '--datastore', golden, '--port', '0'], preload(code));
      child.stdout?.resume();
      let stderr = '';
      child.stderr?.setEncoding('utf8').on('data', (piece: string) => (stderr += piece));
      await once(child, 'close');
      assert.equal(child.exitCode, exitCodes.internal, stderr);
      assert.match(stderr, /internal error[\s\S]*planted[\s\S]*hint: /u);
    });
  }
});
