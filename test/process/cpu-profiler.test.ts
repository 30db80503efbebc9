import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { CpuProfiler } from '../../src/process/cpu-profiler.ts';

/** Works for some time whenever it is told to. */
const worker = `
  const { parentPort } = require('node:worker_threads');
  function plantedWork() { const end = Date.now() + 100; while (Date.now() < end); }
  parentPort.on('message', () => { plantedWork(); parentPort.postMessage('done'); });`;

test('threads that are there, and those that start or end meanwhile, are sampled', async () => {
  const start = (): Worker => new Worker(worker, { eval: true, env: {} });
  const work = async (thread: Worker): Promise<void> => {
    thread.postMessage('work');
    await once(thread, 'message');
  };
  const early = start();
  const ending = start();
  // At work from now on: what V8 inlines before it is sampled has no name any more.
  await Promise.all([once(early, 'online'), once(ending, 'online')]);
  const profiler = await CpuProfiler.start();
  await ending.terminate();
  const late = start();
  // It is at work before it can be told to be sampled.
  await work(late);
  await work(late);
  await work(early);
  const profiles = await profiler.stop();
  await Promise.all([early.terminate(), late.terminate()]);
  assert.equal(profiles[0]?.thread, 'main');
  const busy = profiles.filter(({ profile }) =>
    profile.nodes.some(({ callFrame }) => callFrame.functionName === 'plantedWork'),
  );
  assert.equal(busy.length, 2, JSON.stringify(profiles.map(({ thread }) => thread)));
});
