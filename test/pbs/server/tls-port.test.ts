import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rm, mkdtemp } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { loadCertificate } from '../../../src/pbs/server/certificate.ts';
import { TlsPort } from '../../../src/pbs/server/tls-port.ts';

for (const [name, bytes] of [
  ['before its first byte', ''],
  ['in the middle of the handshake', '160301'],
] as const) {
  test(`a client that stops ${name} loses its connection`, { timeout: 20_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tls-port-'));
    try {
      const certificate = await loadCertificate(folder);
      let taken = 0;
      await using port = await TlsPort.open({
        port: undefined,
        certificate,
        onSecure: () => (taken += 1),
        onPlain: () => (taken += 1),
        handshakeTimeoutMs: 100,
      });
      const client = connect(port.port, '127.0.0.1').on('error', () => {});
      client.resume();
      client.write(Buffer.from(bytes, 'hex'));
      await once(client, 'close');
      assert.equal(taken, 0);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
