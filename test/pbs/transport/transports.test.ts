import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { getCiphers } from 'node:tls';
import { test } from 'node:test';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { tlsCiphers, transportNames } from '../../../src/model/transport.ts';
import { Secret } from '../../../src/model/secret.ts';
import { connectReader, type ReaderOptions, type ReaderSession } from '../../../src/pbs/client/reader-session.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import { chunkFile, GoldenServer, secret, userId } from '../server/golden-server.ts';

const { signal } = new AbortController();

async function open(golden: GoldenServer, more: Partial<ReaderOptions>): Promise<ReaderSession> {
  const { port, fingerprint } = golden.server;
  return await connectReader({
    host: '127.0.0.1',
    port,
    fingerprint,
    credentials: { authId: userId, secret: new Secret(secret) },
    store: 'golden',
    snapshot: 'vm/100/2026-02-16T16:30:44Z',
    clock: monotonicClock(),
    signal,
    ...more,
  });
}

test('every client speaks with every server, and each chunk comes byte for byte', async () => {
  await using golden = await GoldenServer.start();
  for (const client of transportNames) {
    for (const server of transportNames) {
      golden.server.setTransport({ name: server });
      await using session = await open(golden, { transport: transports[client].client });
      const { index } = await session.downloadFixedIndex('drive-scsi0.img');
      const digests = new Set([...index.slots()].filter(({ isZero }) => !isZero).map(({ digest }) => digest));
      await Promise.all(
        [...digests].map(async (digest) => {
          const { bytes } = await session.fetch(digest, signal);
          assert.ok(Buffer.from(bytes).equals(await readFile(chunkFile(digest))), `${client} from ${server}`);
        }),
      );
    }
  }
});

test('the names of transports are those that they give themselves', () => {
  for (const name of transportNames)
    assert.deepEqual([transports[name].client.name, transports[name].server.name], [name, name]);
});

test('the cipher that was asked for is the one that TLS agrees on', async () => {
  await using golden = await GoldenServer.start();
  for (const tlsCipher of tlsCiphers) {
    assert.ok(getCiphers().includes(tlsCipher.toLowerCase()), `${tlsCipher} is one of OpenSSL`);
    await using session = await open(golden, { tlsCipher });
    assert.deepEqual(session.tls, { protocol: 'TLSv1.3', cipher: tlsCipher });
  }
});
