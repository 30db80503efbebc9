import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';

import { StallGuard, TrialStalledError } from '../../../src/harness/ports/stall-guard.ts';
import type { RestoreTarget } from '../../../src/model/ports.ts';
import { VirtualClock } from '../../../src/simulation/virtual-clock.ts';

const never = new AbortController().signal;
const hang = (): Promise<never> => new Promise(() => {});
const hangingTarget: RestoreTarget = { write: hang, writeZeroes: hang, finish: hang };

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

test('a fetch that never ends makes the restore reject as stalled', async () => {
  const clock = new VirtualClock();
  using guard = new StallGuard({ clock, stallTimeoutMs: 30_000, signal: never });
  const source = guard.watchSource({ fetch: (_, signal) => untilAborted(signal) });
  await clock.run(async () => {
    await assert.rejects(
      guard.watch(() => source.fetch('', guard.signal)),
      (error) => {
        assert.ok(error instanceof TrialStalledError);
        assert.equal(error.code, 'trial-stalled');
        assert.equal(error.exitCode, 3);
        assert.match(error.message, /30\.0 s \(1 fetches and 0 writes outstanding\)/u);
        return true;
      },
    );
  });
  assert.equal(clock.now(), 30_000);
  assert.equal(clock.sleeping, 0);
});

test('a port that does not listen to the abort is left behind after a grace of 2 s', async () => {
  const clock = new VirtualClock();
  using guard = new StallGuard({ clock, stallTimeoutMs: 1000, signal: never });
  const target = guard.watchTarget(hangingTarget);
  await clock.run(() =>
    assert.rejects(
      guard.watch(() => target.write(0, { length: 1 })),
      /0 fetches and 1 writes outstanding/u,
    ),
  );
  assert.equal(clock.now(), 3000);
  assert.equal(clock.sleeping, 0);
});

test('every fetch and write that ends starts the time anew', async () => {
  const clock = new VirtualClock();
  using guard = new StallGuard({ clock, stallTimeoutMs: 1000, signal: never });
  const source = guard.watchSource({
    fetch: async () => {
      await clock.sleep(900);
      return { encodedBytes: 1 };
    },
  });
  const write = (): Promise<void> => clock.sleep(999);
  const target = guard.watchTarget({ write, writeZeroes: write, finish: hang });
  const restored = await clock.run(() =>
    guard.watch(async () => {
      for (let chunk = 0; chunk < 5; chunk += 1) {
        await source.fetch('', guard.signal);
        await target.write(0, { length: 1 });
        await target.writeZeroes(0, 1);
      }
      return 'restored';
    }),
  );
  assert.equal(restored, 'restored');
  assert.equal(clock.sleeping, 0);
  assert.equal(guard.signal.aborted, false);
});

test('a pause of the restore itself is no stall, whatever ends during it, but the time runs on from its end', async () => {
  const clock = new VirtualClock();
  using guard = new StallGuard({ clock, stallTimeoutMs: 1000, signal: never });
  const paused = guard.watchClock(clock);
  const source = guard.watchSource({
    fetch: async (_, signal) => {
      await clock.sleep(900, signal);
      return { encodedBytes: 1 };
    },
  });
  const target = guard.watchTarget(hangingTarget);
  await clock.run(() =>
    assert.rejects(
      guard.watch(async () => {
        await paused.sleep(5000);
        await source.fetch('', guard.signal);
        await Promise.all([source.fetch('', guard.signal), paused.sleep(3000)]);
        await target.write(0, { length: 1 });
      }),
      TrialStalledError,
    ),
  );
  // With the grace for a port that does not listen.
  assert.equal(clock.now(), 5000 + 900 + 3000 + 1000 + 2000);
  assert.equal(clock.sleeping, 0);
});

test('an abort of the caller reaches the restore with its reason, and one that hangs is left behind', async () => {
  const clock = new VirtualClock();
  const caller = new AbortController();
  using guard = new StallGuard({ clock, stallTimeoutMs: 60_000, signal: caller.signal });
  await clock.run(async () => {
    const watched = assert.rejects(guard.watch(hang), /interrupted/u);
    await clock.sleep(5);
    caller.abort(new Error('interrupted'));
    await watched;
  });
  assert.equal(clock.now(), 2005);
  assert.equal(clock.sleeping, 0);

  using late = new StallGuard({ clock, stallTimeoutMs: 60_000, signal: caller.signal });
  await clock.run(() =>
    assert.rejects(
      late.watch(async () => late.signal.throwIfAborted()),
      /interrupted/u,
    ),
  );
});

test('a disposed guard leaves no listener on the caller’s signal', () => {
  const { signal } = new AbortController();
  const guard = new StallGuard({ clock: new VirtualClock(), stallTimeoutMs: 1, signal });
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  guard[Symbol.dispose]();
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});
