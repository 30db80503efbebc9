import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { EmulatedLink } from '../../src/link/emulated-link.ts';
import { Relay } from '../../src/link/relay.ts';
import type { LinkSettings } from '../../src/model/environment.ts';
import { metricValue } from '../../src/model/metric.ts';
import { assertRate, connectTo, readAll, receivedRate, roundTripsMs, sendForEver, TestServer } from './transfer.ts';

function linkWith(settings: Partial<LinkSettings>): EmulatedLink {
  const link = new EmulatedLink({ random: Math.random });
  link.configure({ roundTripMs: 0, jitterMs: 0, ...settings });
  return link;
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const median = (sorted: readonly number[]): number => sorted[sorted.length >> 1] ?? NaN;

test('a message takes the round trip that was asked for', async () => {
  await using link = linkWith({ roundTripMs: 20 });
  await using server = await TestServer.listen((socket) => socket.on('data', (bytes) => socket.write(bytes)));
  await using relay = await Relay.listen(link, server);
  const times = await roundTripsMs(await connectTo(relay.port), 15);
  const [leastMs = NaN] = times;
  assert.ok(leastMs >= 18 && leastMs < 30 && median(times) >= 19, `${times.join(' ')} ms`);
});

test('messages are under way together: ten of them take one round trip', async () => {
  await using link = linkWith({ roundTripMs: 120 });
  await using server = await TestServer.listen((socket) => socket.on('data', (bytes) => socket.write(bytes)));
  await using relay = await Relay.listen(link, server);
  const client = await connectTo(relay.port);
  const startedMs = performance.now();
  let received = 0;
  const all = new Promise<void>((resolve) =>
    client.on('data', (bytes: Buffer) => (received += bytes.length) === 10 && resolve()),
  );
  for (let index = 0; index < 10; index += 1) {
    client.write('x');
    await delay(2);
  }
  await all;
  const elapsedMs = performance.now() - startedMs;
  assert.ok(elapsedMs >= 118 && elapsedMs < 1000, `${elapsedMs} ms`);
});

test('the rate is kept, and two connections share it', async () => {
  const rateBytesPerSecond = 20_000_000;
  await using link = linkWith({ roundTripMs: 4, rateBytesPerSecond });
  await using server = await TestServer.listen(sendForEver);
  await using relay = await Relay.listen(link, server);
  const one = await connectTo(relay.port);
  await assertRate(rateBytesPerSecond, async () => await receivedRate(one, 300));
  const other = await connectTo(relay.port);
  await assertRate(rateBytesPerSecond, async () => {
    const rates = await Promise.all([receivedRate(one, 400), receivedRate(other, 400)]);
    const together = rates[0] + rates[1];
    assert.ok(Math.min(...rates) > 0.3 * together, `${rates.join(' and ')} bytes/s`);
    return together;
  });
  const { busyToClientMs, busyToServerMs, bytesToClient, connections } = link.counters();
  assert.ok((metricValue(busyToClientMs) ?? 0) > 500);
  assert.equal(metricValue(busyToServerMs), 0);
  assert.ok(bytesToClient > 10_000_000);
  assert.equal(connections, 2);
});

test('a connection gets no more than its own rate', async () => {
  await using link = linkWith({ rateBytesPerSecond: 100_000_000, connectionRateBytesPerSecond: 10_000_000 });
  await using server = await TestServer.listen(sendForEver);
  await using relay = await Relay.listen(link, server);
  const sockets = await Promise.all([connectTo(relay.port), connectTo(relay.port)]);
  await Promise.all(
    sockets.map(async (socket) => await assertRate(10_000_000, async () => await receivedRate(socket, 300))),
  );
});

test('each of many connections goes on receiving at a rate', { timeout: 20_000 }, async () => {
  await using link = linkWith({ roundTripMs: 2, rateBytesPerSecond: 60_000_000 });
  await using server = await TestServer.listen(sendForEver);
  await using relay = await Relay.listen(link, server);
  const sockets = await Promise.all(Array.from({ length: 8 }, async () => await connectTo(relay.port)));
  const received = sockets.map(async (socket) => {
    let bytes = 0;
    // Several times what may be inside, so that each sender was held back and went on.
    for await (const piece of socket.iterator({ destroyOnReturn: false })) {
      bytes += (piece as Buffer).length;
      if (bytes > 2_000_000) return;
    }
  });
  await Promise.all(received);
});

for (const [name, settings] of [
  ['no limits', {}],
  ['delay and jitter', { roundTripMs: 6, jitterMs: 2.5 }],
  ['a rate', { roundTripMs: 2, jitterMs: 1, rateBytesPerSecond: 60_000_000 }],
] as const) {
  test(`bytes arrive as they were sent, both ways at once, with ${name}`, async () => {
    await using link = linkWith(settings);
    const [down, up] = [randomBytes(9_000_001), randomBytes(5_000_003)];
    const { promise: upArrived, resolve } = Promise.withResolvers<Buffer>();
    await using server = await TestServer.listen((socket) => {
      socket.end(down);
      resolve(readAll(socket));
    });
    await using relay = await Relay.listen(link, server);
    const client = await connectTo(relay.port);
    client.end(up);
    assert.equal(sha256(await readAll(client)), sha256(down));
    assert.equal(sha256(await upArrived), sha256(up));
    const { bytesToClient, bytesToServer, errors } = link.counters();
    assert.deepEqual(
      { bytesToClient, bytesToServer, errors },
      { bytesToClient: down.length, bytesToServer: up.length, errors: 0 },
    );
  });
}

test('a half-closed connection still carries the other direction', async () => {
  await using link = linkWith({ roundTripMs: 4 });
  await using server = await TestServer.listen((socket) => {
    void readAll(socket).then((request) => socket.end(`answer to ${request.toString()}`));
  });
  await using relay = await Relay.listen(link, server);
  const client = await connectTo(relay.port);
  client.end('question');
  assert.equal((await readAll(client)).toString(), 'answer to question');
});

for (const end of ['client', 'server'] as const) {
  test(`a reset at the ${end} is a reset at the other end, after what was sent before it`, async () => {
    await using link = linkWith({ roundTripMs: 10 });
    const { promise: serverSocket, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof connectTo>>>();
    await using server = await TestServer.listen(resolve);
    await using relay = await Relay.listen(link, server);
    const client = await connectTo(relay.port);
    client.write('hello');
    const far = await serverSocket;
    await once(far, 'data');
    const [dying, left] = end === 'client' ? [client, far] : [far, client];
    const heard = once(left, 'data');
    const failed = once(left, 'error') as Promise<[NodeJS.ErrnoException]>;
    dying.write('last words');
    // A reset right behind it would have the kernel throw away what was not read yet, on a busy machine.
    await delay(40);
    dying.resetAndDestroy();
    assert.equal(String((await heard)[0]), 'last words');
    assert.equal((await failed)[0].code, 'ECONNRESET');
  });
}

test('a reset of one connection leaves the others alone, and nothing stays inside', async () => {
  await using link = linkWith({ roundTripMs: 4, rateBytesPerSecond: 20_000_000 });
  await using server = await TestServer.listen(sendForEver);
  await using relay = await Relay.listen(link, server);
  const [dying, staying] = [await connectTo(relay.port), await connectTo(relay.port)];
  dying.resume();
  const rate = receivedRate(staying, 300);
  setTimeout(() => dying.resetAndDestroy(), 100);
  assert.ok((await rate) > 2_000_000);
  staying.destroy();
  await delay(100);
  link.resetCounters();
  const { peakQueuedBytes, connections } = link.counters();
  assert.deepEqual({ peakQueuedBytes, connections }, { peakQueuedBytes: 0, connections: 0 });
});

test('a server that refuses ends the connection and counts as an error', async () => {
  const unused = createServer().listen(0, '127.0.0.1');
  await once(unused, 'listening');
  const { port } = unused.address() as AddressInfo;
  await new Promise((resolve) => unused.close(resolve));
  await using link = linkWith({});
  await using relay = await Relay.listen(link, { port });
  const client = connect(relay.port, '127.0.0.1');
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
  assert.equal(link.counters().errors, 1);
});

test('a client that does not read holds the server back', async () => {
  await using link = linkWith({});
  await using server = await TestServer.listen(sendForEver);
  await using relay = await Relay.listen(link, server);
  const client = await connectTo(relay.port);
  client.pause();
  // The buffers of the kernel are full when nothing moves any more, however long that takes on a busy machine.
  let bytesToClient = -1;
  for (let turn = 0; turn < 50 && link.counters().bytesToClient !== bytesToClient; turn += 1) {
    ({ bytesToClient } = link.counters());
    await delay(100);
  }
  const { bytesToClient: atLast, peakQueuedBytes } = link.counters();
  assert.equal(atLast, bytesToClient, 'it came to a halt');
  assert.ok(bytesToClient > 0);
  assert.ok(peakQueuedBytes < 2_000_000, `${peakQueuedBytes} bytes inside`);
  client.resume();
  assert.ok((await receivedRate(client, 100)) > 1_000_000);
});

test('the counters of a reset link start again', async () => {
  await using link = linkWith({});
  await using server = await TestServer.listen((socket) => socket.on('data', (bytes) => socket.write(bytes)));
  await using relay = await Relay.listen(link, server);
  const client = await connectTo(relay.port);
  await roundTripsMs(client, 3);
  assert.equal(link.counters().bytesToServer, 12);
  link.resetCounters();
  const { bytesToClient, bytesToServer, connections, errors } = link.counters();
  assert.deepEqual(
    { bytesToClient, bytesToServer, connections, errors },
    { bytesToClient: 0, bytesToServer: 0, connections: 1, errors: 0 },
  );
});
