// What the client does before the server knows its settings, and with requests that cannot be sent.
import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';

import { transports } from '../../../src/pbs/transport/transports.ts';
import type { ClientConnection, ClientResponse } from '../../../src/pbs/transport/transport.ts';
import { FramePeer, isFrame } from './frame-peer.ts';
import { data, headers, settings } from './frames.ts';
import { response } from './header-block.ts';

interface Pair extends Disposable {
  readonly connection: ClientConnection;
  readonly peer: FramePeer;
}

function connect(initialWindowSize: number): Pair {
  const [near, far] = duplexPair();
  const peer = new FramePeer(far, 'server');
  const connection = transports.h2.client.connect(near, {
    settings: { initialWindowSize, connectionWindowSize: 1 << 20, maxFrameSize: 1 << 20 },
  });
  peer.write(settings());
  return {
    connection,
    peer,
    [Symbol.dispose]: () => {
      connection.close();
      far.destroy();
    },
  };
}

const { signal } = new AbortController();

const get = async (connection: ClientConnection, path: string, bytes: number): Promise<ClientResponse> =>
  await connection.request({ path, signal, receive: () => new Uint8Array(bytes) });

test('a window below the default of the RFC is given back in time to a request that goes out with the settings', async () => {
  using pair = connect(1000);
  const outcome = get(pair.connection, '/', 3000);
  await pair.peer.until(isFrame('headers', 1));
  pair.peer.write(headers(1, response(200, ['content-length', '3000']), { endStream: false }));
  // A server sends as much as the settings allow, and then waits.
  for (let sent = 0; sent < 3000; sent += 1000) {
    pair.peer.write(data(1, Buffer.alloc(1000), { endStream: sent === 2000 }));
    if (sent < 2000) await pair.peer.until(isFrame('windowUpdate', 1));
  }
  assert.equal((await outcome).bodyBytes, 3000);
});

test('a request whose path cannot be sent fails by itself and leaves no stream behind', async () => {
  using pair = connect(1 << 20);
  await assert.rejects(get(pair.connection, '/\u{100}', 1), RangeError);
  const outcome = get(pair.connection, '/', 4);
  await pair.peer.until(isFrame('headers', 1));
  pair.peer.write(headers(1, response(200), { endStream: false }), data(1, Buffer.from('fine'), { endStream: true }));
  assert.equal((await outcome).bodyBytes, 4);
});
