import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import type { ServerError } from '../../../src/model/errors.ts';
import { StallWatch } from '../../../src/pbs/client/stall-watch.ts';
import { monotonicClock } from '../../../src/clock/monotonic.ts';

interface Watched {
  readonly watch: StallWatch;
  /** Time goes by, and then bytes arrive. */
  readonly pass: (ms: number, bytes?: number) => void;
  /** The process is stopped, and a timer is the first thing that runs when it goes on. */
  readonly stop: (ms: number) => void;
  readonly stalls: ServerError[];
}

/** 1000 ms and 100 bytes, on time that only the test moves. */
function watchOn({ mock }: TestContext): Watched {
  mock.timers.enable({ apis: ['setInterval'] });
  let nowMs = 0;
  let carriedBytes = 0;
  const stalls: ServerError[] = [];
  const watch = new StallWatch({
    clock: { ...monotonicClock(), now: () => nowMs },
    place: '127.0.0.1:8007',
    stallMs: 1000,
    leastBytes: 100,
    carriedBytes: () => carriedBytes,
    onStall: (error) => stalls.push(error),
  });
  const pass = (ms: number, bytes = 0): void => {
    for (let passed = 0; passed < ms; passed += 50) {
      nowMs += 50;
      mock.timers.tick(50);
    }
    carriedBytes += bytes;
  };
  const stop = (ms: number): void => {
    nowMs += ms;
    mock.timers.tick(250);
  };
  return { watch, pass, stop, stalls };
}

test('silence is a stall after its time, told once', (context) => {
  const { watch, pass, stalls } = watchOn(context);
  watch.begin();
  pass(950);
  assert.equal(stalls.length, 0);
  pass(5000);
  assert.deepEqual(
    stalls.map(({ code, message }) => [code, message]),
    [['stalled', 'the connection to 127.0.0.1:8007 has carried nothing for 1000 ms']],
  );
});

test('a byte now and then is a stall as well', (context) => {
  const { watch, pass, stalls } = watchOn(context);
  watch.begin();
  for (let bytes = 0; bytes < 20; bytes += 1) pass(50, 1);
  pass(250);
  assert.deepEqual(
    stalls.map(({ message }) => message),
    ['the connection to 127.0.0.1:8007 has carried only 19 bytes for 1000 ms'],
  );
});

test('slow is no stall while enough arrives', (context) => {
  const { watch, pass, stalls } = watchOn(context);
  watch.begin();
  for (let round = 0; round < 10; round += 1) pass(700, 100);
  assert.equal(stalls.length, 0);
});

test('nor while requests are done, however short their answers', (context) => {
  const { watch, pass, stalls } = watchOn(context);
  watch.begin();
  for (let round = 0; round < 10; round += 1) {
    watch.begin();
    pass(700, 9);
    watch.end();
  }
  assert.equal(stalls.length, 0);
  pass(1300);
  assert.equal(stalls.length, 1);
});

test('time in which nobody waits does not count', (context) => {
  const { watch, pass, stalls } = watchOn(context);
  watch.begin();
  pass(900);
  watch.end();
  pass(10_000);
  watch.begin();
  pass(900);
  assert.equal(stalls.length, 0);
  watch.end();
});

test('time in which the process was stopped is no silence of the server', (context) => {
  const { watch, pass, stop, stalls } = watchOn(context);
  watch.begin();
  pass(500);
  stop(60_000);
  assert.equal(stalls.length, 0);
  pass(0, 100);
  pass(250);
  stop(60_000);
  assert.equal(stalls.length, 0);
  pass(1000);
  assert.equal(stalls.length, 1);
  watch.end();
});
