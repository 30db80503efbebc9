import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  connect,
  createServer,
  sensitiveHeaders,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect as connectSocket, createServer as createSocketServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';

import type { HeaderField } from '../../../../src/pbs/h2/hpack/header-field.ts';
import { SeededRandom } from '../../../../src/material/seeded-random.ts';
import { RawPeer } from './raw-peer.ts';

const EXCHANGES = 300;
const EXCHANGES_PER_TABLE = 10;
const tableSizes = [0, 40, 200, 1000, 4096, 16_384, 65_536] as const;

const random = new SeededRandom('HPACK with node:http2');
const pick = <Member>(members: readonly Member[]): Member => members[random.below(members.length)] as Member;

/** Octets that HTTP allows in a value (RFC 9110 5.5), blanks inside only. */
function anyValue(): string {
  const octets = Array.from({ length: random.below(60) }, () => {
    const octet = random.below(2) === 0 ? 0x21 + random.below(0x5e) : 0x80 + random.below(0x80);
    return String.fromCharCode(octet);
  });
  return octets.join(pick(['', '', ' ']));
}

/** Different names, some values that come back and some that do not. */
function anyFields(): HeaderField[] {
  const names = ['user-agent', 'x-a', 'x-b', 'accept', 'authorization', 'etag', 'x-long', `x-${random.below(50)}x`];
  return random
    .take(names, random.below(names.length + 1))
    .map((name) => ({ name, value: pick(['', '1', 'a value', 'x'.repeat(300), anyValue(), anyValue()]) }));
}

const requestFields = (count: number): readonly HeaderField[] => [
  { name: ':method', value: 'GET' },
  { name: ':scheme', value: 'http' },
  { name: ':path', value: `/chunk?digest=${count}` },
  { name: ':authority', value: 'localhost' },
  ...anyFields(),
];

const objectOf = (fields: readonly HeaderField[]): OutgoingHttpHeaders => ({
  ...Object.fromEntries(fields.map(({ name, value }) => [name, value])),
  [sensitiveHeaders]: ['x-a'],
});

const flat = (fields: readonly HeaderField[]): readonly string[] => fields.flatMap(({ name, value }) => [name, value]);

/** Node adds a date; the rest comes as it was given, and its secrets as never indexed. */
function expectFrom(node: readonly HeaderField[], received: readonly HeaderField[]): void {
  assert.deepEqual(flat(received.filter(({ name }) => name !== 'date')), flat(node));
  for (const { name, neverIndexed } of received) {
    if (name === 'x-a' || name === 'authorization') assert.equal(neverIndexed, true, name);
  }
}

describe('node:http2', () => {
  it('as the server reads our blocks, and we read its', { timeout: 60_000 }, async () => {
    const server = createServer();
    const requests: (readonly string[])[] = [];
    let response: readonly HeaderField[] = [];
    server.on('stream', (stream: ServerHttp2Stream, _: IncomingHttpHeaders, __: number, raw: string[]) => {
      requests.push(raw);
      stream.respond(objectOf(response), { endStream: true });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const whenSession = once(server, 'session') as Promise<[ServerHttp2Session]>;
    const peer = new RawPeer(connectSocket((server.address() as AddressInfo).port, '127.0.0.1'), 'client');
    try {
      const [session] = await whenSession;
      for (let count = 0; count < EXCHANGES; count += 1) {
        if (count % EXCHANGES_PER_TABLE === 0) {
          await peer.changeTable(pick(tableSizes));
          const acknowledged = once(session, 'localSettings');
          session.settings({ headerTableSize: pick(tableSizes) });
          await acknowledged;
        }
        const request = requestFields(count);
        response = [{ name: ':status', value: pick(['200', '404', '418']) }, ...anyFields()];
        const stream = 2 * count + 1;
        peer.send(stream, request);
        const received = await peer.receive();
        assert.equal(received.stream, stream);
        assert.deepEqual(requests.pop(), flat(request));
        expectFrom(response, received.fields);
      }
    } finally {
      peer.close();
      server.close();
    }
  });

  it('as the client reads our blocks, and we read its', { timeout: 60_000 }, async () => {
    const server = createSocketServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const whenSocket = once(server, 'connection') as Promise<[Socket]>;
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const [socket] = await whenSocket;
    const peer = new RawPeer(socket, 'server');
    try {
      await once(session, 'remoteSettings');
      for (let count = 0; count < EXCHANGES; count += 1) {
        if (count % EXCHANGES_PER_TABLE === 0) {
          await peer.changeTable(pick(tableSizes));
          const acknowledged = once(session, 'localSettings');
          session.settings({ headerTableSize: pick(tableSizes) });
          await acknowledged;
        }
        const request = requestFields(count);
        const response = [{ name: ':status', value: pick(['200', '404', '418']) }, ...anyFields()];
        const stream = session.request(objectOf(request), { endStream: true });
        const whenResponse = once(stream, 'response') as Promise<[IncomingHttpHeaders, number, string[]]>;
        const received = await peer.receive();
        expectFrom(request, received.fields);
        peer.send(received.stream, response);
        const [, , raw] = await whenResponse;
        assert.deepEqual(raw, flat(response));
        stream.resume();
        await once(stream, 'close');
      }
    } finally {
      session.destroy();
      peer.close();
      server.close();
    }
  });
});
