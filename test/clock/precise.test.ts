import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { monotonicClock, monotonicNow } from '../../src/clock/monotonic.ts';
import { preciseClock } from '../../src/clock/precise.ts';

/** What a quarter of the values are below: others may share the machine's cores. */
const lowerQuartile = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[values.length >> 2] ?? NaN;

for (const [name, clock] of [
  ['monotonic', monotonicClock()],
  ['precise', preciseClock()],
] as const) {
  test(`the ${name} clock never ends a sleep early`, async () => {
    for (const ms of [0, 0.05, 0.4, 1, 2.6]) {
      const startedMs = clock.now();
      await clock.sleep(ms);
      assert.ok(clock.now() - startedMs >= ms);
    }
  });

  test(`the ${name} clock's sleep rejects with the reason of an abort, before and during it`, async () => {
    const reason = new Error('planted');
    await assert.rejects(clock.sleep(1000, AbortSignal.abort(reason)), reason);
    const controller = new AbortController();
    const sleeping = clock.sleep(60_000, controller.signal);
    controller.abort(reason);
    await assert.rejects(sleeping, reason);
  });
}

test('precise sleeps end to well below a millisecond', async () => {
  const clock = preciseClock();
  const lateMs: number[] = [];
  for (let index = 0; index < 60; index += 1) {
    const startedMs = clock.now();
    await clock.sleep(0.3);
    lateMs.push(clock.now() - startedMs - 0.3);
  }
  // Typically 0.03 ms; Node's own timers would be 0.7 ms late or more.
  assert.ok(lowerQuartile(lateMs) < 0.6, `${lowerQuartile(lateMs)} ms late`);
});

test('precise sleeps end in the order of their deadlines, whatever the order of their beginning', async () => {
  const clock = preciseClock();
  const ended: number[] = [];
  // So far apart that a pause between two beginnings does not change the order.
  await Promise.all([80, 20, 60, 10, 40].map((ms) => clock.sleep(ms).then(() => ended.push(ms))));
  assert.deepEqual(ended, [10, 20, 40, 60, 80]);
});

test('an aborted sleep does not hold up those after it', async () => {
  const clock = preciseClock();
  const controller = new AbortController();
  const aborted = clock.sleep(1, controller.signal).catch(() => 'aborted');
  const startedMs = monotonicNow();
  const other = clock.sleep(4);
  controller.abort();
  assert.equal(await aborted, 'aborted');
  await other;
  assert.ok(monotonicNow() - startedMs >= 4);
});

/** Runs a module of its own with the precise clock in it, and returns what it printed. */
function runAlone(code: string): { readonly stdout: string; readonly status: number | null } {
  const module = new URL('../../src/clock/precise.ts', import.meta.url).href;
  const source = `import { preciseClock } from ${JSON.stringify(module)};\n${code}`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8', timeout: 20_000 });
}

test('a sleep keeps the process alive, and the idle alarm does not', () => {
  const { stdout, status } = runAlone(`
    await preciseClock().sleep(1);
    preciseClock().sleep(20).then(() => console.log('slept'));
  `);
  assert.deepEqual({ stdout, status }, { stdout: 'slept\n', status: 0 });
});
