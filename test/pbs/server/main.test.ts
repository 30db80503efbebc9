import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

import type { EmbeddedServerCalls } from '../../../src/pbs/server/control.ts';
import { ServiceProcess } from '../../../src/process/service-process.ts';
import { exchange, fetchH2, getText, logIn, openTls, startHttp2, upgradeHeaders } from './raw-client.ts';

const entry = new URL('../../../src/pbs/server/main.ts', import.meta.url);
const golden = fileURLToPath(new URL('../../fixtures/golden/store', import.meta.url));

it('the server runs as a process of its own, told what to do over its channel', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'restorelab-server-process-'));
  try {
    await using service = await ServiceProcess.start<EmbeddedServerCalls>('server', entry);
    const account = { userId: 'root@pam', secret: 'secret', certificateFolder: folder };
    await using taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    await assert.rejects(
      service.call('listen', { ...account, port: (taken.address() as AddressInfo).port }),
      /EADDRINUSE/u,
    );

    const { port, fingerprint } = await service.call('listen', account);
    await service.call('mount', { store: 'golden', path: golden });
    await service.call('setStorage', { readLatencyMs: 30, queueDepth: 4 });
    const socket = await openTls(port);
    assert.equal(socket.getPeerCertificate().fingerprint256.toLowerCase(), fingerprint);
    const ticket = await logIn(socket, 'root@pam', 'secret');
    const target = '/api2/json/reader?backup-id=100&backup-time=1771259444&backup-type=vm&store=golden';
    assert.equal((await exchange(socket, getText(target, upgradeHeaders(ticket)))).status, 101);
    const session = startHttp2(socket);
    const { body } = await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
    await service.call('resetCounters');
    const { status } = await fetchH2(session, `/chunk?digest=${body.toString('hex', 4096 + 32, 4096 + 64)}`);
    session.destroy();
    const counters = await service.call('counters');
    assert.deepEqual([status, counters.reads, counters.errors], [200, 1, 0]);
    assert.ok(counters.slotBusyMs >= 30);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
