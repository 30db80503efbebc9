import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { watchEventLoop } from '../../src/metrics/event-loop.ts';
import { metricValue } from '../../src/model/metric.ts';

test('a blocked loop shows in utilization and in the longest delay', async () => {
  const watch = watchEventLoop();
  await sleep(60);
  const end = performance.now() + 300;
  while (performance.now() < end);
  await sleep(60);
  const { eventLoopUtilization, eventLoopDelayMs } = watch.stop();
  assert.ok((metricValue(eventLoopUtilization) ?? 0) > 0.3);
  assert.ok((metricValue(eventLoopDelayMs.max) ?? 0) > 200);
  assert.ok((metricValue(eventLoopDelayMs.p50) ?? 1e9) <= (metricValue(eventLoopDelayMs.max) ?? 0));
});

test('an idle loop is idle', async () => {
  const watch = watchEventLoop();
  await sleep(300);
  assert.ok((metricValue(watch.stop().eventLoopUtilization) ?? 1) < 0.5);
});

test('too short a time has no delay, with the reason', () => {
  const { eventLoopDelayMs } = watchEventLoop().stop();
  assert.deepEqual(eventLoopDelayMs.max, { unavailable: 'not sampled: shorter than 20 ms' });
});
