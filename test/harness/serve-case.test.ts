import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { Cache } from '../../src/cache/cache.ts';
import { monotonicNow } from '../../src/clock/monotonic.ts';
import { preciseClock } from '../../src/clock/precise.ts';
import { serveCase, type ServedCase } from '../../src/harness/serve-case.ts';
import { loadScenario } from '../../src/scenario/load-scenario.ts';
import { copyOfGolden, goldenStore, temporaryFolder } from '../pbs/datastore/golden.ts';
import { incompressible } from '../pbs/server/golden-server.ts';
import { exchange, fetchH2, getText, logIn, openTls, startHttp2, upgradeHeaders } from '../pbs/server/raw-client.ts';

/** A chunk of the newest backup of vm/100 that is not its first. */
const missing = incompressible;
const golden = 'backup-id=100&backup-time=1771259444&backup-type=vm';

interface Serving {
  readonly folder: string;
  /** Lines of a scenario. */
  readonly scenario?: readonly string[];
  readonly datastore?: string;
  readonly port?: number;
  readonly warnings?: string[];
}

async function serve({ folder, scenario, datastore, port, warnings = [] }: Serving): Promise<ServedCase> {
  const text = ['formatVersion: 1', 'name: served', 'strategies: [ { name: sequential } ]', ...(scenario ?? [])].join(
    '\n',
  );
  const settings = scenario === undefined ? undefined : loadScenario(text, { file: 'served.yaml', folder }).cases[0];
  return await serveCase({
    settings,
    datastore,
    store: 'tank',
    listen: {
      userId: 'root@pam',
      secret: 'secret',
      certificateFolder: join(folder, 'certificate'),
      ...(port === undefined ? {} : { port }),
    },
    lockFolder: join(folder, 'locks'),
    cache: new Cache(join(folder, 'cache')),
    clock: preciseClock(),
    signal: new AbortController().signal,
    onProgress: () => {},
    onWarning: (sentence) => warnings.push(sentence),
  });
}

/** Reads the index of a snapshot and its first chunk; how long that takes from the first byte to the last. */
async function readFirstChunk(port: number, snapshot: string): Promise<{ chunkBytes: number; ms: number }> {
  const socket = await openTls(port);
  try {
    const start = monotonicNow();
    const ticket = await logIn(socket, 'root@pam', 'secret');
    const target = `/api2/json/reader?${snapshot}&store=tank`;
    assert.equal((await exchange(socket, getText(target, upgradeHeaders(ticket)))).status, 101);
    const session = startHttp2(socket);
    const index = await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
    const chunk = await fetchH2(session, `/chunk?digest=${index.body.toString('hex', 4096, 4128)}`);
    assert.equal(chunk.status, 200);
    session.destroy();
    return { chunkBytes: chunk.body.length, ms: monotonicNow() - start };
  } finally {
    socket.destroy();
  }
}

/** The one snapshot of a generated image. */
async function onlySnapshot(port: number): Promise<string> {
  const socket = await openTls(port);
  try {
    const cookie = `PBSAuthCookie=${await logIn(socket, 'root@pam', 'secret')}`;
    const answer = await exchange(socket, getText('/api2/json/admin/datastore/tank/snapshots', { cookie }));
    const [item] = (JSON.parse(answer.body) as { data: Record<string, string | number>[] }).data;
    return ['backup-id', 'backup-time', 'backup-type'].map((name) => `${name}=${item?.[name]}`).join('&');
  } finally {
    socket.destroy();
  }
}

describe('serving a case of a scenario', () => {
  it('puts its link in front of a datastore and its disk below it', async () => {
    await using folder = await temporaryFolder();
    await using served = await serve({
      folder: folder.path,
      scenario: ['link: { roundTrip: 40 ms }', 'storage: { readLatency: 60 ms, queueDepth: 1 }'],
      datastore: goldenStore,
    });
    // Log-in, upgrade, index and chunk, one after the other.
    const { ms } = await readFirstChunk(served.port, golden);
    assert.ok(ms >= 4 * 40 + 60, `${ms} ms`);
    assert.equal(served.isReadOnly, false);
  });

  it('makes its image, of files or in memory, and lets nobody change it', async () => {
    await using folder = await temporaryFolder();
    for (const chunks of ['files', 'synthesised']) {
      await using served = await serve({
        folder: folder.path,
        scenario: [`server: { kind: embedded, chunks: ${chunks} }`, 'image: { size: 16 MiB, zeroShare: 0 % }'],
      });
      const { chunkBytes } = await readFirstChunk(served.port, await onlySnapshot(served.port));
      assert.ok(chunkBytes > 1_000_000, `${chunkBytes} bytes`);
      assert.equal(served.isReadOnly, true);
      const socket = await openTls(served.port);
      const answer = await exchange(
        socket,
        `POST /api2/json/access/ticket HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 43\r\n\r\n{"username":"root@pam","password":"secret"}`,
      );
      const { data } = JSON.parse(answer.body) as { data: Record<string, string> };
      const refused = await exchange(
        socket,
        `POST /api2/json/admin/datastore/tank/namespace HTTP/1.1\r\nhost: x\r\ncookie: PBSAuthCookie=${data['ticket']}\r\ncsrfpreventiontoken: ${data['CSRFPreventionToken']}\r\ncontent-length: 6\r\n\r\nname=a`,
      );
      socket.destroy();
      assert.deepEqual(
        [refused.status, refused.body],
        [400, "datastore 'tank' is unavailable: read-only maintenance mode:"],
      );
    }
  });

  it('has chunks dropped from the page cache before they are read, or says why not', async () => {
    await using folder = await temporaryFolder();
    await using copy = await copyOfGolden(['vm/100', '.chunks']);
    const warnings: string[] = [];
    await using served = await serve({
      folder: folder.path,
      scenario: ['storage: { cache: cold }'],
      datastore: copy.path,
      warnings,
    });
    await readFirstChunk(served.port, golden);
    await rm(join(copy.path, '.chunks', missing.slice(0, 4), missing));
    await readFirstChunk(served.port, golden);
    assert.equal(warnings.length, 1, warnings.join());
    assert.match(warnings[0] ?? '', /^the page cache could not be dropped: failed: ENOENT/u);
  });

  it('takes the port that is asked for, with and without a link, and says where it is taken', async () => {
    await using folder = await temporaryFolder();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const servings = [[], ['link: { roundTrip: 5 ms }']].map((scenario) => ({
      folder: folder.path,
      scenario,
      datastore: goldenStore,
      port,
    }));
    for (const serving of servings) await assert.rejects(serve(serving), { code: 'machine-eaddrinuse', exitCode: 5 });
    other.close();
    await once(other, 'close');
    for (const serving of servings) {
      await using served = await serve(serving);
      assert.equal(served.port, port);
      assert.ok((await readFirstChunk(port, golden)).chunkBytes > 0);
      await served.shutdown();
    }
  });

  it('names what is missing', async () => {
    await using folder = await temporaryFolder();
    await assert.rejects(serve({ folder: folder.path }), { code: 'usage', exitCode: 2 });
    await assert.rejects(serve({ folder: folder.path, datastore: folder.path }), { code: 'datastore-not-found' });
  });
});
