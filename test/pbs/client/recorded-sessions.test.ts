import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { DecoderPool } from '../../../src/decode/decoder-pool.ts';
import type { Strategy } from '../../../src/model/ports.ts';
import { Secret } from '../../../src/model/secret.ts';
import { transportNames } from '../../../src/model/transport.ts';
import { connectReader, type ReaderSession } from '../../../src/pbs/client/reader-session.ts';
import { RestClient } from '../../../src/pbs/client/rest-client.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import { sequential } from '../../../src/strategy/sequential.ts';
import { windowUnordered } from '../../../src/strategy/window-unordered.ts';
import { createTarget } from '../../../src/target/create-target.ts';
import { Workbench } from '../../e2e/workbench.ts';
import { goldenKey } from '../datastore/golden.ts';
import { GoldenServer, secret, userId } from '../server/golden-server.ts';
import { readWireLog } from '../server/wire-log.ts';
import { startStubServer } from './stub-server.ts';
import { startRecordingRelay, type RecordedClient, type RecordingRelay } from './recording-relay.ts';

const clock = monotonicClock();
const { signal } = new AbortController();

let golden: GoldenServer;
before(async () => {
  golden = await GoldenServer.start();
});
after(async () => await golden[Symbol.asyncDispose]());

const realClient = (log: string): readonly RecordedClient[] =>
  readWireLog(new URL(`../../fixtures/golden/wire/${log}`, import.meta.url));

/** Up to what must differ: who asks, with what, of whom, and how much the server is to log. */
const comparableLine = (line: string): string =>
  line
    .replace(/^(\w+) \/\//u, '$1 /')
    .replace('debug=true&', '')
    .replace(/^(user-agent|host|content-length|cookie|csrfpreventiontoken|authorization): .*/u, '$1');

interface Comparable {
  readonly heads: readonly (readonly string[])[];
  readonly logins: readonly unknown[];
  /** Frames before the first request, acknowledgements aside, which come when the server's settings do. */
  readonly opening: readonly string[];
  readonly downloads: readonly string[];
  /** Requests in flight together have no order. */
  readonly chunks: readonly string[];
  readonly others: readonly string[];
}

function comparable({ exchanges, clientFrames }: RecordedClient): Comparable {
  const frames = clientFrames
    .filter((frame) => frame !== 'SETTINGS ACK')
    .map((frame) =>
      frame.replace(/^HEADERS stream=\d+ (end_stream=\w+) len=\d+/u, '$1').replace(/user-agent: [^ ]*/u, 'user-agent'),
    );
  const isRequest = (frame: string): boolean => frame.startsWith('end_stream=');
  const first = frames.findIndex(isRequest);
  const [opening, later] = first === -1 ? [frames, []] : [frames.slice(0, first), frames.slice(first)];
  const of = (path: string): string[] => later.filter((frame) => frame.includes(` | :path: ${path}?`));
  return {
    heads: exchanges.map(({ requestHead }) => requestHead.map(comparableLine)),
    logins: exchanges.map(({ requestBody }) =>
      requestBody === ''
        ? ''
        : Object.entries(JSON.parse(requestBody) as object).map(([name, value]) => [
            name,
            name === 'password' ? '' : value,
          ]),
    ),
    opening,
    downloads: of('/download'),
    chunks: of('/chunk').sort(),
    others: later.filter((frame) => !isRequest(frame)),
  };
}

const withoutChunk = (session: Comparable, digest: string): Comparable => {
  const chunks = session.chunks.filter((request) => !request.includes(digest));
  assert.equal(chunks.length, session.chunks.length - 1);
  return { ...session, chunks };
};

async function restore(session: ReaderSession, archive: string, strategy: Strategy): Promise<void> {
  const { index, crypt } = await session.downloadFixedIndex(archive);
  await using decoder = new DecoderPool({ threads: 0, clock, ...(crypt === undefined ? {} : { crypt }) });
  await using target = await createTarget({ kind: 'discard' }, { size: index.size, clock });
  const { inFlight } = strategy.defaults;
  const ports = { source: session, sources: [session], decoder, target, clock, signal };
  await strategy.restore({ image: index, ...ports, inFlight, polite: false });
}

/** What our client sends for a session, by the bytes that reach a server. */
async function ourClient(
  snapshot: string,
  use: (session: ReaderSession) => Promise<void>,
  transport: (typeof transportNames)[number] = 'h2',
): Promise<readonly RecordedClient[]> {
  await using relay = await startRecordingRelay(golden.server.port);
  const crypt = await goldenKey(snapshot);
  const session = await connectReader({
    ...reach(relay),
    store: 'golden',
    snapshot,
    transport: transports[transport].client,
    ...(crypt === undefined ? {} : { crypt }),
  });
  await use(session);
  await session[Symbol.asyncDispose]();
  return relay.recorded();
}

const reach = ({ port, fingerprint }: RecordingRelay) => ({
  host: '127.0.0.1',
  port,
  fingerprint,
  credentials: { authId: userId, secret: new Secret(secret) },
  clock,
  signal,
});

for (const [log, strategy] of [
  ['restore-image-qemu-lib.log', windowUnordered],
  ['restore-image-qemu-lib-sequential.log', sequential],
] as const) {
  for (const transport of transportNames) {
    test(`an image is asked for as the QEMU library does: ${strategy.name} over ${transport}, ${log}`, async () => {
      const [real, ...moreReal] = realClient(log).map(comparable);
      const ours = await ourClient(
        'vm/100/2026-02-16T16:30:44Z',
        async (session) => await restore(session, 'drive-scsi0.img', strategy),
        transport,
      );
      assert.deepEqual([real!.downloads.length, real!.chunks.length, moreReal.length], [2, 9, 0]);
      assert.deepEqual(ours.map(comparable), [real]);
    });
  }
}

test('restorelab restore asks for the version of the server, and then as the QEMU library does', async () => {
  await using relay = await startRecordingRelay(golden.server.port);
  await using bench = await Workbench.open();
  Object.assign(bench.env, {
    PBS_REPOSITORY: `${userId}@127.0.0.1:${relay.port}:golden`,
    PBS_FINGERPRINT: relay.fingerprint,
    PBS_PASSWORD: secret,
  });
  const args = ['restore', 'vm/100/2026-02-16T16:30:44Z', 'drive-scsi0.img', 'target', '--decode-threads', '1'];
  const { exitCode, stderr } = await bench.command(args);
  assert.equal(exitCode, 0, stderr);
  const [version, session, ...more] = relay.recorded().map(comparable);
  assert.equal(version!.heads.at(-1)?.[0], 'GET /api2/json/version HTTP/1.1');
  assert.deepEqual([session, ...more], realClient('restore-image-qemu-lib.log').map(comparable));
});

test('one chunk at a time is asked for in the order of the QEMU library', async () => {
  const requests = ({ clientFrames }: RecordedClient): string[] =>
    clientFrames.flatMap((frame) => /:path: (\S+)/u.exec(frame)?.[1] ?? []);
  const [real] = realClient('restore-image-qemu-lib-sequential.log');
  const [ours] = await ourClient(
    'vm/100/2026-02-16T16:30:44Z',
    async (session) => await restore(session, 'drive-scsi0.img', sequential),
  );
  assert.deepEqual(requests(ours!), requests(real!));
});

test('an encrypted image is asked for as the command line client does, but for the chunk of zeros', async () => {
  const crypt = await goldenKey('vm/200/2026-02-13T17:26:40Z');
  const [real] = realClient('restore-encrypted-cli.log').map(comparable);
  const ours = await ourClient(
    'vm/200/2026-02-13T17:26:40Z',
    async (session) => await restore(session, 'drive-scsi0.img', sequential),
  );
  assert.deepEqual(ours.map(comparable), [withoutChunk(real!, crypt!.zeroDigest(4 * 1024 * 1024))]);
});

for (const [log, snapshot, archives] of [
  ['restore-pxar-legacy.log', 'host/anchor/2026-02-13T19:26:40Z', ['root.pxar']],
  ['restore-pxar-split.log', 'host/anchor-md/2026-02-14T19:28:20Z', ['root.mpxar', 'root.ppxar']],
] as const) {
  test(`an archive of files: log-in, upgrade and downloads of ${log}`, async () => {
    const [real] = realClient(log).map(comparable);
    const ours = await ourClient(snapshot, async (session) => {
      for (const archive of archives) {
        const { index } = await session.downloadIndex(archive);
        for (const slot of index.slots()) (await session.fetch(slot.digest, signal)).memory.giveBack();
      }
    });
    const [session] = ours.map(comparable);
    assert.equal(real!.downloads.length, 1 + archives.length);
    assert.deepEqual({ ...session, chunks: [] }, { ...real, chunks: [] });
    // The client leaves out chunks that it does not need, and asks for none that we do not.
    for (const chunk of real!.chunks) assert.ok(session!.chunks.includes(chunk), chunk);
  });
}

test('lists are asked for as the command line client does, with a ticket', async () => {
  await using relay = await startRecordingRelay(golden.server.port);
  await using client = new RestClient(reach(relay));
  const request = { what: 'listing', signal } as const;
  const store = '/admin/datastore/golden';
  await client.get({ ...request, path: `${store}/snapshots`, parameters: {} });
  await client.get({ ...request, path: `${store}/status` });
  const snapshot = { 'backup-type': 'vm', 'backup-id': '100', 'backup-time': 1_771_000_061 };
  await client.get({ ...request, path: `${store}/files`, parameters: snapshot });
  const [ours] = relay.recorded().map((one) => comparable(one).heads);
  const real = realClient('login-and-list.log').map((one) => comparable(one).heads);
  const [login, list] = real[0]!;
  assert.deepEqual(ours, [login, list, real[3]![1], real[4]![1]]);
});

test('a list is asked for with an API token as the command line client does, without a login', async () => {
  await using server = await startStubServer({ answer: () => ({ status: 200, body: '{"data":[]}' }) });
  await using relay = await startRecordingRelay(server.port);
  const credentials = { authId: 'bench@pbs!t1', secret: new Secret('TOKEN-SECRET') };
  await using client = new RestClient({ ...reach(relay), credentials });
  const path = '/admin/datastore/golden/snapshots';
  await client.get({ path, parameters: {}, what: 'listing', signal });
  const [ours] = relay.recorded().map((one) => comparable(one).heads);
  assert.deepEqual(ours, comparable(realClient('login-and-list.log')[1]!).heads);
});
