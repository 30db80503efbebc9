import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { DecoderPool } from '../../../src/decode/decoder-pool.ts';
import type { TargetSettings } from '../../../src/model/environment.ts';
import { transportNames } from '../../../src/model/transport.ts';
import { MiB } from '../../../src/model/units.ts';
import { Secret } from '../../../src/model/secret.ts';
import { connectReader, type ReaderSession } from '../../../src/pbs/client/reader-session.ts';
import type { Slot } from '../../../src/model/image.ts';
import type { ArchiveIndex } from '../../../src/pbs/format/archive-index.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import { createTarget } from '../../../src/target/create-target.ts';
import type { ProofOutcome } from '../../../src/target/target.ts';
import { generateDatastore } from '../../../src/workload/generate-datastore.ts';
import { WORKLOAD_ARCHIVE } from '../../../src/workload/workload.ts';
import { copyOfGolden, goldenArchives, goldenKey, goldenStore, type ExpectedIndex } from '../datastore/golden.ts';
import { GoldenServer, chunkFile, secret, userId } from '../server/golden-server.ts';

const clock = monotonicClock();
const { signal } = new AbortController();

async function open(golden: GoldenServer, snapshot: string, more: object = {}): Promise<ReaderSession> {
  const { port, fingerprint } = golden.server;
  const credentials = { authId: userId, secret: new Secret(secret) };
  return await connectReader({
    host: '127.0.0.1',
    port,
    fingerprint,
    credentials,
    store: 'golden',
    snapshot,
    clock,
    signal,
    ...more,
  });
}

/** Fetches, decodes and writes all chunks at once: the whole way of a chunk, in the order in which it happens. */
async function restore(
  session: ReaderSession,
  archive: string,
  settings: TargetSettings,
  threads: number,
  image: { readonly sha256?: string; readonly slotChecksums?: Uint32Array },
  onIndex: (index: ArchiveIndex) => void = () => {},
): Promise<ProofOutcome> {
  const { index, crypt } = await session.downloadIndex(archive);
  onIndex(index);
  await using pool = new DecoderPool({ threads, clock, ...(crypt === undefined ? {} : { crypt }) });
  await using target = await createTarget(settings, { size: index.size, clock });
  await Promise.all(
    [...index.slots()].map(async (slot) => {
      if (slot.isZero) return await target.writeZeroes(slot.offset, slot.length);
      return await target.write(slot.offset, await pool.decode(await session.fetch(slot.digest, signal), slot));
    }),
  );
  await target.finish();
  const { size, chunkSize, slotCount } = index;
  return await target.prove({ size, chunkSize, slotChecksums: new Uint32Array(slotCount), ...image });
}

/** Both ends by each implementation, and mixed. */
const mixes = transportNames.flatMap((client) => transportNames.map((server) => ({ client, server })));

async function inTemporaryFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'restore-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const endOf = ({ offset, length }: Slot): number => offset + length;

/** Images to their recorded SHA-256, archives of files as the stream that was backed up. */
const wholeHash = ({ facts }: ExpectedIndex): string | undefined => facts.original?.sha256 ?? facts.stream_sha256;

for (const { client, server } of mixes) {
  test(`golden archives come through the embedded server byte for byte: ${client} from ${server}`, async () => {
    await using golden = await GoldenServer.start();
    golden.server.setTransport({ name: server });
    // All of them where both ends are alike; mixed ends need not show it again, but there threads decode.
    const archives =
      client === server ? goldenArchives : goldenArchives.filter(({ snapshot }) => /300|400|md/u.test(snapshot));
    assert.ok(archives.length >= 7);
    await inTemporaryFolder(async (folder) => {
      for (const archive of archives) {
        const name = `${archive.snapshot} ${archive.archive}`;
        const crypt = await goldenKey(archive.snapshot);
        const more = { transport: transports[client].client, ...(crypt === undefined ? {} : { crypt }) };
        await using session = await open(golden, archive.snapshot, more);
        const sha256 = wholeHash(archive);
        const settings: TargetSettings = { kind: 'file', path: join(folder, 'image') };
        const image = sha256 === undefined ? {} : { sha256 };
        const outcome = await restore(session, archive.archive, settings, client === server ? 0 : 2, image, (index) => {
          const { csum, size, chunk_count: chunks, chunk_ends: ends } = archive.facts;
          assert.deepEqual([index.csum, index.size, index.slotCount], [csum, size, chunks], name);
          if (ends !== undefined) assert.deepEqual([...index.slots()].map(endOf), ends, name);
        });
        if (sha256 !== undefined) assert.deepEqual([outcome.verified, outcome.sha256], [true, sha256], name);
        assert.match(outcome.sha256 ?? '', /^[0-9a-f]{64}$/u, name);
      }
    });
  });
}

test('generated images come through byte for byte, whatever speaks at either end', async () => {
  await using golden = await GoldenServer.start();
  await inTemporaryFolder(async (folder) => {
    for (const [compressionRatio, chunks] of [
      [2, 'files'],
      [1, 'synthesised'],
    ] as const) {
      const store = `generated-${compressionRatio}-${chunks}`;
      const path = join(folder, store);
      const generated = await generateDatastore({
        path,
        image: { sizeBytes: 22 * MiB, zeroShare: 0.2, repeatedShare: 0.2, compressionRatio, seed: 'mixes' },
        history: { depth: 1, changeRate: 0 },
        chunks,
        signal,
      });
      const { recipe, facts, slotChecksums } = generated;
      const image = { slotChecksums, ...(facts.sha256 === undefined ? {} : { sha256: facts.sha256 }) };
      if (recipe === undefined) golden.server.mount({ store, path });
      else await golden.server.mountSynthesised({ store, path, recipe });
      for (const { client, server } of mixes) {
        golden.server.setTransport({ name: server });
        await using session = await open(golden, facts.snapshot, { store, transport: transports[client].client });
        const settings: TargetSettings = { kind: 'file', path: join(folder, 'image') };
        const outcome = await restore(session, WORKLOAD_ARCHIVE, settings, 0, image);
        assert.ok(outcome.verified, `${store}: ${client} from ${server}`);
      }
    }
  });
});

test("the embedded server's refusals arrive as what they are", async () => {
  await using golden = await GoldenServer.start();
  await assert.rejects(open(golden, 'vm/100/2020-01-01T00:00:00Z'), { name: 'UsageError', code: 'snapshot-not-found' });
  await assert.rejects(open(golden, 'vm/100/2026-02-16T16:30:44Z', { store: 'nothing' }), {
    code: 'datastore-not-found',
  });
  await assert.rejects(open(golden, 'vm/100/2026-02-16T16:30:44Z', { namespace: 'none' }), {
    code: 'snapshot-not-found',
  });
  const wrong = { credentials: { authId: userId, secret: new Secret('guess') } };
  await assert.rejects(open(golden, 'vm/100/2026-02-16T16:30:44Z', wrong), { code: 'authentication-failed' });

  await using session = await open(golden, 'vm/100/2026-02-16T16:30:44Z');
  const { index } = await session.downloadFixedIndex('drive-scsi0.img');
  await assert.rejects(session.fetch('0'.repeat(64), signal), {
    code: 'chunk-refused',
    message: /0{64}.*not allowed/u,
  });
  assert.ok((await session.fetch(index.digestAt(0), signal)).encodedBytes > 12, 'the session goes on');
  let speedtestBytes = 0;
  await session.speedtest(undefined, (bytes) => (speedtestBytes += bytes));
  assert.equal(speedtestBytes, 1 << 20);
});

test('damage in the datastore names the chunk, wherever it is found', async () => {
  await using golden = await GoldenServer.start();
  const store = await mkdtemp(join(tmpdir(), 'damaged-'));
  try {
    await cp(goldenStore, store, { recursive: true });
    golden.server.mount({ store: 'damaged', path: store });
    await using session = await open(golden, 'vm/100/2026-02-16T16:30:44Z', { store: 'damaged' });
    const { index } = await session.downloadFixedIndex('drive-scsi0.img');
    const [missing, broken, empty] = [...index.slots()].filter(({ isZero }) => !isZero);
    await rm(chunkFile(missing!.digest, store));
    await rm(chunkFile(broken!.digest, store));
    await cp(chunkFile(empty!.digest, store), chunkFile(broken!.digest, store));
    await rm(chunkFile(empty!.digest, store));
    await writeFile(chunkFile(empty!.digest, store), '');
    await using pool = new DecoderPool({ threads: 1, clock });
    for (const [slot, code] of [
      [missing!, 'chunk-missing'],
      [broken!, 'chunk-digest'],
      [empty!, 'blob-truncated'],
    ] as const) {
      await assert.rejects(
        session.fetch(slot.digest, signal).then(async (chunk) => await pool.decode(chunk, slot)),
        { name: 'IntegrityError', code, message: new RegExp(slot.digest, 'u') },
      );
    }
  } finally {
    await rm(store, { recursive: true });
  }
});

test('a snapshot that is removed while it is read: what was allowed still comes, the rest is told', async () => {
  await using golden = await GoldenServer.start();
  await using copy = await copyOfGolden(['.chunks', 'vm/100']);
  golden.server.mount({ store: 'removed', path: copy.path });
  const snapshot = 'vm/100/2026-02-16T16:30:44Z';
  const more = { store: 'removed' };
  await using first = await open(golden, snapshot, more);
  await using second = await open(golden, snapshot, more);
  await using third = await open(golden, snapshot, more);
  const { index } = await first.downloadFixedIndex('drive-scsi0.img');
  await second.downloadManifest();
  await rm(join(copy.path, snapshot), { recursive: true });
  assert.ok((await first.fetch(index.digestAt(1), signal)).encodedBytes > 12);
  await assert.rejects(second.downloadFixedIndex('drive-scsi0.img'), { code: 'file-missing', exitCode: 1 });
  await assert.rejects(third.downloadFixedIndex('drive-scsi0.img'), { code: 'snapshot-unfinished', exitCode: 1 });
  await assert.rejects(open(golden, snapshot, more), { code: 'snapshot-not-found', exitCode: 2 });
});

test('a server that goes away fails every fetch under way', async () => {
  const golden = await GoldenServer.start();
  await using session = await open(golden, 'vm/100/2026-02-16T16:30:44Z');
  const { index } = await session.downloadFixedIndex('drive-scsi0.img');
  golden.server.setStorage({ readLatencyMs: 10_000, queueDepth: 32 });
  const outcomes = Promise.allSettled([0, 1, 2].map(async (slot) => await session.fetch(index.digestAt(slot), signal)));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await golden[Symbol.asyncDispose]();
  for (const outcome of await outcomes) {
    assert.equal(outcome.status, 'rejected');
    assert.equal((outcome.reason as { code: string }).code, 'connection-lost');
  }
});
