import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';

import { isRunning, ownIdentity } from '../../src/process/process-identity.ts';

test('a process runs until it has ended, and another one of its number is another one', async () => {
  const own = ownIdentity();
  assert.equal(own, ownIdentity());
  assert.ok(isRunning(own));
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  if (existsSync('/proc/self/stat')) {
    const [pid, start] = own.split('-');
    assert.ok(Number(start) > 0);
    assert.ok(!isRunning(`${pid}-${Number(start) + 1}`));
    assert.ok(!isRunning(`${child.pid}-${start}`), 'it began at another time');
  }
  assert.ok(isRunning(`${child.pid}-0`) || existsSync('/proc/self/stat'));
  child.kill('SIGKILL');
  await exited;
  assert.ok(!isRunning(`${child.pid}-0`));
});
