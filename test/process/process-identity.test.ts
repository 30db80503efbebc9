import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';

import { isRunning, ownIdentity } from '../../src/process/process-identity.ts';

test('a process runs until it has ended, and another one of its number is another one', async () => {
  const own = ownIdentity();
  assert.deepEqual(own, ownIdentity());
  assert.ok(isRunning(own));
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const pid = child.pid ?? 0;
  const exited = once(child, 'exit');
  if (existsSync('/proc/self/stat')) {
    assert.ok(own.startTicks > 0);
    assert.ok(!isRunning({ ...own, startTicks: own.startTicks + 1 }));
    assert.ok(!isRunning({ ...own, pid }), 'it began at another time');
  }
  assert.ok(isRunning({ pid, startTicks: 0 }) || existsSync('/proc/self/stat'));
  child.kill('SIGKILL');
  await exited;
  assert.ok(!isRunning({ pid, startTicks: 0 }));
});
