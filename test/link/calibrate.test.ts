import assert from 'node:assert/strict';
import { test } from 'node:test';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import { measureCeiling, measureConnectionRate, measureRate, measureRoundTrip } from '../../src/link/calibrate.ts';
import type { LinkCalls } from '../../src/link/control.ts';
import { metricValue } from '../../src/model/metric.ts';
import { entryUrl, ServiceProcess } from '../../src/process/service-process.ts';
import { assertRate, connectionEnd, connectTo, receivedRate, sendForEver, TestServer } from './transfer.ts';

const clock = monotonicClock();
const { signal } = new AbortController();
const startLink = (): Promise<ServiceProcess<LinkCalls>> =>
  ServiceProcess.start<LinkCalls>('link', entryUrl('../../src/link/main', import.meta.url));

test('the emulator does what it is asked for, as seen from another process', async () => {
  await using relay = await startLink();
  const ceiling = await measureCeiling({ relay, clock, signal });
  assert.ok((metricValue(ceiling) ?? 0) > 50_000_000, JSON.stringify(ceiling));
  const link = { roundTripMs: 20, jitterMs: 0, rateBytesPerSecond: 25_000_000 };
  await relay.call('setLink', link);
  const roundTrip = await measureRoundTrip({ relay, roundTripMs: link.roundTripMs, clock, signal });
  assert.ok(roundTrip.median >= 19 && roundTrip.median < 80, JSON.stringify(roundTrip));
  assert.ok(roundTrip.p95 >= roundTrip.median && roundTrip.samples >= 15);
  await assertRate(
    link.rateBytesPerSecond,
    async () => metricValue(await measureRate({ relay, link, clock, signal })) ?? 0,
  );
});

test('a shared rate is found although each connection has a lower one', async () => {
  await using relay = await startLink();
  const link = { roundTripMs: 0, jitterMs: 0, rateBytesPerSecond: 24_000_000, connectionRateBytesPerSecond: 8_000_000 };
  await relay.call('setLink', link);
  await assertRate(24_000_000, async () => metricValue(await measureRate({ relay, link, clock, signal })) ?? 0);
});

test('the rate of one connection is measured by itself, where one was asked for', async () => {
  await using relay = await startLink();
  const link = {
    roundTripMs: 1,
    jitterMs: 0,
    rateBytesPerSecond: 60_000_000,
    connectionRateBytesPerSecond: 15_000_000,
  };
  await relay.call('setLink', link);
  await assertRate(
    15_000_000,
    async () => metricValue(await measureConnectionRate({ relay, link, clock, signal })) ?? 0,
  );
  const shared = { roundTripMs: 1, jitterMs: 0, rateBytesPerSecond: 60_000_000 };
  const none = await measureConnectionRate({ relay, link: shared, clock, signal });
  assert.ok('unavailable' in none && none.unavailable === 'no limit was asked for');
});

test('the ceiling leaves the link as it is told to', async () => {
  await using relay = await startLink();
  const restore = { roundTripMs: 16, jitterMs: 0 };
  await measureCeiling({ relay, clock, signal, restore });
  const { median } = await measureRoundTrip({ relay, roundTripMs: 16, clock, signal, samples: 5 });
  assert.ok(median >= 15, `${median} ms`);
});

test('an abort ends a measurement with its reason', async () => {
  await using relay = await startLink();
  await relay.call('setLink', { roundTripMs: 60_000, jitterMs: 0 });
  const controller = new AbortController();
  const reason = new Error('planted');
  setTimeout(() => controller.abort(reason), 50);
  await assert.rejects(measureRoundTrip({ relay, roundTripMs: 60_000, clock, signal: controller.signal }), reason);
});

test('counters move under load and a killed emulator takes its connections with it', async () => {
  await using relay = await startLink();
  await using server = await TestServer.listen(sendForEver);
  await relay.call('setLink', { roundTripMs: 2, jitterMs: 0, rateBytesPerSecond: 20_000_000 });
  const { port } = await relay.call('open', { port: server.port });
  await relay.call('resetCounters');
  const client = await connectTo(port);
  await receivedRate(client, 100);
  const { bytesToClient, busyToClientMs, peakQueuedBytes, connections } = await relay.call('counters');
  assert.ok(bytesToClient > 1_000_000 && (metricValue(busyToClientMs) ?? 0) > 50 && peakQueuedBytes > 10_000);
  assert.equal(connections, 1);
  const ended = connectionEnd(client);
  process.kill(relay.pid, 'SIGKILL');
  await ended;
  await assert.rejects(relay.call('counters'), { code: 'process-ended' });
});

test('closing a relayed port ends its connections and the port', async () => {
  await using relay = await startLink();
  await using server = await TestServer.listen(() => {});
  const { port } = await relay.call('open', { port: server.port });
  const client = await connectTo(port);
  const ended = connectionEnd(client);
  await relay.call('close', { port: server.port });
  await ended;
  await assert.rejects(connectTo(port), { code: 'ECONNREFUSED' });
});
