import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { benchRound } from '../../src/hardware/bench-round.ts';

/** A clock that the work itself moves. */
class WorkClock {
  nowMs = 1000;
  readonly now = (): number => this.nowMs;
}

describe('a round of tinybench', () => {
  it('calls work that returns a promise without being declared async only as often as it counts', async () => {
    const clock = new WorkClock();
    let calls = 0;
    const run = (): Promise<void> => {
      calls += 1;
      clock.nowMs += 10;
      return Promise.resolve();
    };
    const round = await benchRound({ run, isAsync: true }, { durationMs: 30, now: clock.now });
    assert.equal(calls, 3);
    assert.equal(round.callMs.length, calls);
  });

  it('calls work that returns nothing only as often as it counts', async () => {
    const clock = new WorkClock();
    let calls = 0;
    const run = (): void => {
      calls += 1;
      clock.nowMs += 10;
    };
    const round = await benchRound({ run, isAsync: false }, { durationMs: 30, now: clock.now });
    assert.equal(calls, 3);
    assert.equal(round.callMs.length, 3);
  });

  it('waits for asynchronous work inside of what it times', async () => {
    const clock = new WorkClock();
    const run = async (): Promise<void> => {
      await new Promise(setImmediate);
      clock.nowMs += 25;
    };
    const { callMs } = await benchRound({ run, isAsync: true }, { durationMs: 40, now: clock.now });
    assert.deepEqual(callMs, [25, 25]);
  });

  for (const isAsync of [false, true]) {
    it(`keeps the samples in the order of the calls (${isAsync ? 'asynchronous' : 'synchronous'})`, async () => {
      const clock = new WorkClock();
      const durations = [9, 1, 5, 3, 7];
      let call = 0;
      const step = (): void => {
        clock.nowMs += durations[call++] ?? 0;
      };
      const run = isAsync ? async (): Promise<void> => await Promise.resolve().then(step) : step;
      const round = await benchRound({ run, isAsync }, { durationMs: 25, now: clock.now });
      assert.deepEqual(round.callMs, durations);
      assert.equal(round.startedMs, 1000);
      assert.equal(round.endedMs, 1025);
    });

    it(`keeps what was measured before a call threw (${isAsync ? 'asynchronous' : 'synchronous'})`, async () => {
      const clock = new WorkClock();
      let call = 0;
      const step = (): void => {
        call += 1;
        clock.nowMs += 10;
        if (call === 3) throw new Error('the third one fails');
      };
      const run = isAsync ? async (): Promise<void> => await Promise.resolve().then(step) : step;
      const round = await benchRound({ run, isAsync }, { durationMs: 100, now: clock.now });
      assert.deepEqual(round.callMs, [10, 10]);
      assert.equal(round.error?.message, 'the third one fails');
    });
  }

  it('makes one call and no more where that already takes longer than the round', async () => {
    const clock = new WorkClock();
    const run = (): void => {
      clock.nowMs += 500;
    };
    const { callMs } = await benchRound({ run, isAsync: false }, { durationMs: 100, now: clock.now });
    assert.deepEqual(callMs, [500]);
  });

  it('does not make up for short calls with the sixty-four that tinybench wants by default', async () => {
    const clock = new WorkClock();
    const run = (): void => {
      clock.nowMs += 4;
    };
    const { callMs } = await benchRound({ run, isAsync: false }, { durationMs: 8, now: clock.now });
    assert.equal(callMs.length, 2);
  });

  it('ends after the number of calls that the work allows, whatever the time', async () => {
    const clock = new WorkClock();
    const run = (): void => {
      clock.nowMs += 1;
    };
    const { callMs } = await benchRound({ run, isAsync: false, maxCalls: 4 }, { durationMs: 1000, now: clock.now });
    assert.deepEqual(callMs, [1, 1, 1, 1]);
  });
});
