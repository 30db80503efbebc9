import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { ServiceProcess } from '../../src/process/service-process.ts';

const serveCallsUrl = new URL('../../src/process/serve-calls.ts', import.meta.url).href;
const serviceProcessUrl = new URL('../../src/process/service-process.ts', import.meta.url).href;

const notStarted = { name: 'MachineError', code: 'process-not-started', exitCode: 5 };

test('a module that ends before it serves is a process that could not be started', async () => {
  await assert.rejects(ServiceProcess.start('test', new URL('no-such-module.ts', import.meta.url)), notStarted);
});

test('so is one for which the system makes no process at all', async () => {
  const { execPath } = process;
  process.execPath = '/no/such/program';
  try {
    await assert.rejects(ServiceProcess.start('test', new URL('never-run.ts', import.meta.url)), notStarted);
  } finally {
    process.execPath = execPath;
  }
});

test('a process that hangs is killed, and its calls end', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'restorelab-service-'));
  try {
    const entry = join(folder, 'hanging.mjs');
    await writeFile(
      entry,
      `import { serveCalls } from '${serveCallsUrl}';
      serveCalls({ quick: () => 'answer', hang: () => new Promise(() => {}) });`,
    );
    await using service = await ServiceProcess.start<{ quick(): string; hang(): Promise<never> }>(
      'test',
      pathToFileURL(entry),
      { answerMs: 2000 },
    );
    assert.equal(await service.call('quick'), 'answer');
    await assert.rejects(service.call('hang'), { code: 'process-ended' });
    assert.equal(service.isRunning, false);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a process whose parent goes while it works on an answer ends without a word', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'restorelab-service-'));
  try {
    const service = join(folder, 'service.mjs');
    await writeFile(
      service,
      `import { serveCalls } from '${serveCallsUrl}';
      serveCalls(
        { slow: () => new Promise((resolve) => process.once('disconnect', () => setImmediate(resolve))) },
        { onEnd: () => new Promise((resolve) => setTimeout(resolve, 100)) },
      );`,
    );
    const parent = join(folder, 'parent.mjs');
    await writeFile(
      parent,
      `import { ServiceProcess } from '${serviceProcessUrl}';
      const service = await ServiceProcess.start('test', new URL('${pathToFileURL(service).href}'));
      service.call('slow').catch(() => {});
      setTimeout(async () => {
        await service[Symbol.asyncDispose]();
        console.log(JSON.stringify(await service.exited));
        process.exit();
      }, 100);`,
    );
    const { stdout, stderr } = spawnSync(process.execPath, [parent], { encoding: 'utf8' });
    assert.equal(stderr, '');
    assert.deepEqual(JSON.parse(stdout), { code: 0, signal: null });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
