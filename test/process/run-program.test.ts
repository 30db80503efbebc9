import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { LaunchingScript, runScript } from '../../src/process/run-program.ts';
import { ServiceProcess } from '../../src/process/service-process.ts';

const source = (file: string): string => new URL(`../../src/process/${file}`, import.meta.url).href;

interface Calls {
  facts(): { readonly pid: number; readonly nodeOptions?: string; readonly execArgv: readonly string[] };
  big(bytes: Uint8Array): Uint8Array;
  die(): never;
  [method: string]: (parameter: never) => unknown;
}

await describe('a module that a script starts', async () => {
  let folder: string;
  let entry: URL;
  const { TMPDIR } = process.env;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'restorelab-program-'));
    // Where the socket's own folder goes.
    process.env['TMPDIR'] = folder;
    entry = pathToFileURL(join(folder, 'entry.mjs'));
    await writeFile(
      entry,
      `import { serveCalls } from '${source('serve-calls.ts')}';
      import { leaveToolBehind } from '${source('leave-tool-behind.ts')}';
      leaveToolBehind();
      const notify = serveCalls({
        facts: () => ({ pid: process.pid, nodeOptions: process.env.NODE_OPTIONS, execArgv: process.execArgv }),
        big: (bytes) => { notify({ length: bytes.length }); return bytes; },
        die: () => process.exit(7),
      });
      process.once('beforeExit', () => console.log('ended by itself'));`,
    );
    await writeFile(
      join(folder, 'tool.mjs'),
      `import { spawnSync } from 'node:child_process';
      const [flag, , ...command] = process.argv.slice(2);
      const { status } = spawnSync(command[0], [flag, ...command.slice(1)], {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: { ...process.env, NODE_OPTIONS: '--no-warnings' },
      });
      console.error(process.env.PLANTED, 'the module ended with', status);
      process.exitCode = status;`,
    );
  });
  after(async () => {
    if (TMPDIR === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = TMPDIR;
    await rm(folder, { recursive: true, force: true });
  });

  const scriptOf = (name = 'tool.mjs'): LaunchingScript =>
    new LaunchingScript([join(folder, name), '--trace-uncaught'], {
      name: 'the tool',
      cwd: folder,
      variables: { PLANTED: 'last words:' },
    });

  test('is called as one that was forked, and leaves the tool to itself', async () => {
    const script = scriptOf();
    const events: unknown[] = [];
    await using service = await ServiceProcess.start<Calls>('module', entry, {
      launch: script.launch,
      onEvent: (event) => events.push(event),
    });
    const { pid, nodeOptions, execArgv } = await service.call('facts');
    assert.equal(service.pid, pid);
    assert.equal(nodeOptions, undefined);
    assert.deepEqual(execArgv, []);
    const bytes = new Uint8Array(3_000_000).fill(7);
    assert.deepEqual(await service.call('big', bytes), bytes);
    assert.deepEqual(events, [{ length: bytes.length }]);
    await service[Symbol.asyncDispose]();
    script.assertEndedWell();
    assert.deepEqual(
      (await readdir(tmpdir())).filter((name) => /^restorelab-[A-Za-z0-9]{6}$/u.test(name)),
      [],
    );
  });

  test('rejects its calls when it dies, and the script tells how it ended', async () => {
    const script = scriptOf();
    await using service = await ServiceProcess.start<Calls>('module', entry, { launch: script.launch });
    await assert.rejects(service.call('die'), { code: 'process-ended' });
    assert.equal(service.isRunning, false);
    await service.exited;
    assert.throws(() => script.assertEndedWell(), {
      name: 'MachineError',
      code: 'profiler-failed',
      message: /the tool ended with exit code 7; it said last:\n[\s\S]*last words: the module ended with 7/u,
    });
  });

  test('could not be started where the script ends first, whose last words tell why', async () => {
    await writeFile(join(folder, 'broken.mjs'), 'console.error("cannot do that"); process.exitCode = 3;');
    const script = scriptOf('broken.mjs');
    await assert.rejects(ServiceProcess.start('module', entry, { launch: script.launch }), {
      code: 'process-not-started',
    });
    assert.throws(() => script.assertEndedWell(), { message: /exit code 3[\s\S]*cannot do that/u });
  });

  test('a script that fails or is interrupted says so', async () => {
    const options = { name: 'the tool', cwd: folder, variables: {} };
    const failing = ['-e', 'console.error("no room"); process.exit(4)'];
    await assert.rejects(runScript(failing, options, new AbortController().signal), {
      code: 'profiler-failed',
      message: /the tool ended with exit code 4; it said last:\nno room/u,
    });
    await runScript(['-e', 'require("fs").writeFileSync("made", "here")'], options, new AbortController().signal);
    assert.equal(await readFile(join(folder, 'made'), 'utf8'), 'here');
    const reason = new Error('stopped by the user');
    const controller = new AbortController();
    const ended = runScript(['-e', 'setInterval(() => {}, 1000)'], options, controller.signal);
    controller.abort(reason);
    await assert.rejects(ended, reason);
  });
});
