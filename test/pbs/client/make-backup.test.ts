import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { test } from 'node:test';

import { KnownError } from '../../../src/model/errors.ts';
import { transportNames } from '../../../src/model/transport.ts';
import { DEFAULT_CHUNK_SIZE, MiB } from '../../../src/model/units.ts';
import { makeBackup, type MakeBackupOptions } from '../../../src/pbs/client/make-backup.ts';
import type { UploadableImage } from '../../../src/pbs/client/upload-image.ts';
import { decodeBlob, parseBlob } from '../../../src/pbs/format/blob.ts';
import { CryptConfig } from '../../../src/pbs/format/crypt-config.ts';
import { chunkDigest } from '../../../src/pbs/format/digest.ts';
import { encodeFixedIndex } from '../../../src/pbs/format/fixed-index.ts';
import { verifyManifestSignature } from '../../../src/pbs/format/manifest-signature.ts';
import { encodeManifest, parseManifest, type Manifest } from '../../../src/pbs/format/manifest.ts';
import { parseSnapshotPath } from '../../../src/pbs/format/snapshot-path.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import { goldenFile, goldenImage } from './golden-image.ts';
import {
  ScriptedBackupServer,
  TOKEN_SECRET,
  type ScriptedAnswer,
  type ScriptedBackupOptions,
} from './scripted-backup-server.ts';

const ARCHIVE = 'drive-scsi0.img.fidx';
const NEW = 'vm/100/2026-02-20T00:00:00Z';
const OLD = 'vm/100/2026-02-19T00:00:00Z';
const { signal } = new AbortController();

/** An image whose slots hold these plain chunks. */
function imageOf(chunks: readonly Uint8Array[], crypt?: CryptConfig): UploadableImage {
  return {
    sizeBytes: chunks.reduce((sum, { length }) => sum + length, 0),
    chunk: (slot) => {
      const plain = chunks[slot] ?? Buffer.of();
      const digest = crypt === undefined ? plainDigest(plain) : chunkDigest(plain, crypt);
      return { digest, isCompressible: true, plain: () => plain };
    },
  };
}

const plainDigests = new WeakMap<Uint8Array, string>();

/** Each chunk is hashed once. */
function plainDigest(plain: Uint8Array): string {
  const digest = plainDigests.get(plain) ?? hash('sha256', plain);
  plainDigests.set(plain, digest);
  return digest;
}

/** A whole chunk that zstd makes small, and that no other number gives. */
const chunk = (number: number): Uint8Array => new Uint8Array(DEFAULT_CHUNK_SIZE).fill(number);
const zeros = chunk(0);

/** What a server has of an earlier backup of these chunks. */
function previousOf(chunks: readonly Uint8Array[], change: (manifest: Manifest) => Manifest = (same) => same) {
  const digests = Buffer.concat(chunks.map((plain) => hash('sha256', plain, 'buffer')));
  const size = chunks.reduce((sum, { length }) => sum + length, 0);
  const index = encodeFixedIndex({ size, chunkSize: DEFAULT_CHUNK_SIZE, digests, ctime: 1 });
  const csum = hash('sha256', digests);
  const manifest = change({
    snapshot: parseSnapshotPath(OLD),
    files: [{ filename: ARCHIVE, cryptMode: 'none', size, csum }],
    unprotected: {},
  });
  const file = (name: string): Uint8Array => (name === ARCHIVE ? index : encodeManifest(manifest));
  return { csum, previous: { snapshot: OLD, file } };
}

async function backUp(
  server: ScriptedBackupServer,
  image: UploadableImage,
  more: Partial<MakeBackupOptions> & { readonly transport?: (typeof transportNames)[number] } = {},
): Promise<Awaited<ReturnType<typeof makeBackup>>> {
  await using session = await server.connect(NEW, { transport: transports[more.transport ?? 'h2'].client });
  return await makeBackup(
    session,
    {
      snapshot: parseSnapshotPath(NEW),
      images: [{ archive: ARCHIVE, image }],
      blobs: [{ name: 'qemu-server.conf.blob', plain: Buffer.from('cores: 2\n') }],
      notes: 'first line\nsecond',
    },
    { inFlight: 4, signal, ...more },
  );
}

const manifestOf = (server: ScriptedBackupServer): Manifest =>
  parseManifest(server.of('POST', '/blob').at(-1)?.body ?? Buffer.of());

const refusing =
  (endpoint: string, answer: ScriptedAnswer): NonNullable<ScriptedBackupOptions['answer']> =>
  (request) =>
    request.endpoint === endpoint ? answer : undefined;

test('each content crosses the wire once, and every place is appended in lists of 64', async () => {
  await using server = await ScriptedBackupServer.start();
  const chunks = Array.from({ length: 150 }, (_, slot) => (slot % 50 === 7 ? chunk(slot) : zeros));
  const [image] = await backUp(server, imageOf(chunks));
  assert.equal(server.of('POST', '/fixed_chunk').length, 4);
  assert.deepEqual(image?.uploaded.chunks, 4);
  const lists = server.of('PUT', '/fixed_index').map(({ body }) => JSON.parse(body.toString()) as Appended);
  assert.deepEqual(
    lists.map((list) => list['offset-list'].length),
    [64, 64, 22],
  );
  assert.deepEqual(
    lists.flatMap((list) => list['offset-list']),
    chunks.map((_, slot) => slot * DEFAULT_CHUNK_SIZE),
  );
  assert.deepEqual(
    lists.flatMap((list) => list['digest-list']),
    chunks.map(plainDigest),
  );
});

interface Appended {
  readonly 'digest-list': readonly string[];
  readonly 'offset-list': readonly number[];
}

test('the manifest comes last, with the notes and the checksums of what was uploaded', async () => {
  await using server = await ScriptedBackupServer.start();
  const [image] = await backUp(server, imageOf([chunk(1), zeros, new Uint8Array(1000)]));
  assert.deepEqual(
    server.seen.slice(-2).map(({ path }) => path.replace(/encoded-size=\d+/u, '')),
    ['/blob?&file-name=index.json.blob', '/finish'],
  );
  const { snapshot, files, unprotected } = manifestOf(server);
  const configuration = server.of('POST', '/blob')[0]?.body ?? Buffer.of();
  assert.deepEqual(snapshot, parseSnapshotPath(NEW));
  assert.deepEqual(unprotected, { notes: 'first line\nsecond' });
  assert.deepEqual(files, [
    { filename: ARCHIVE, cryptMode: 'none', size: 8 * MiB + 1000, csum: image?.csum },
    {
      filename: 'qemu-server.conf.blob',
      cryptMode: 'none',
      size: configuration.length,
      csum: hash('sha256', configuration),
    },
  ]);
});

for (const transport of transportNames) {
  test(`${transport}: no more chunks than asked for are without an answer, and none is appended before its own`, async () => {
    let waiting = 0;
    let most = 0;
    const answered = new Set<string>();
    // Nothing is answered before the window is full, however slow the client is.
    const { promise: full, resolve: noteFull } = Promise.withResolvers<void>();
    await using server = await ScriptedBackupServer.start({
      answer: async ({ method, endpoint, parameters, body }) => {
        if (method === 'PUT') {
          for (const digest of (JSON.parse(body.toString()) as Appended)['digest-list'])
            assert.ok(answered.has(digest), 'appended before it was there');
        }
        if (endpoint !== '/fixed_chunk') return undefined;
        waiting += 1;
        most = Math.max(most, waiting);
        if (waiting === 3) noteFull();
        await full;
        await new Promise((resolve) => setTimeout(resolve, 15));
        waiting -= 1;
        answered.add(parameters.get('digest') ?? '');
        return undefined;
      },
    });
    const chunks = Array.from({ length: 12 }, (_, slot) => chunk(slot));
    await backUp(server, imageOf(chunks), { inFlight: 3, transport });
    assert.equal(most, 3);
    assert.equal(answered.size, 12);
  });

  test(`${transport}: incompressible chunks arrive as they were, though their memory is used again`, async () => {
    await using server = await ScriptedBackupServer.start();
    const chunks = Array.from({ length: 5 }, () => randomBytes(DEFAULT_CHUNK_SIZE));
    await backUp(server, imageOf(chunks), { inFlight: 2, transport });
    const uploads = server.of('POST', '/fixed_chunk');
    assert.equal(uploads.length, 5);
    for (const { parameters, body } of uploads) {
      assert.equal(parseBlob(body).kind, 'plain');
      assert.equal(hash('sha256', decodeBlob(body, { maxPlainBytes: DEFAULT_CHUNK_SIZE })), parameters.get('digest'));
    }
  });
}

test('a copy of the last index takes only the places that changed', async () => {
  const before = [chunk(1), chunk(2), zeros, chunk(3)];
  const { csum, previous } = previousOf(before);
  await using server = await ScriptedBackupServer.start({ previous });
  const after = [chunk(1), chunk(9), zeros, chunk(1)];
  const [image] = await backUp(server, imageOf(after), { isCopyOfPrevious: true });
  const [created] = server.of('POST', '/fixed_index');
  assert.equal(created?.path, `/fixed_index?archive-name=${ARCHIVE}&reuse-csum=${csum}&size=${16 * MiB}`);
  const lists = server.of('PUT', '/fixed_index').map(({ body }) => JSON.parse(body.toString()) as Appended);
  assert.deepEqual(lists[0]?.['offset-list'], [4 * MiB, 12 * MiB]);
  assert.equal(server.of('POST', '/fixed_chunk').length, 1);
  const [closed] = server.of('POST', '/fixed_close');
  assert.equal(closed?.parameters.get('chunk-count'), '2');
  assert.equal(closed?.parameters.get('size'), String(8 * MiB));
  assert.equal(closed?.parameters.get('csum'), image?.csum);
  assert.equal(image?.csum, hash('sha256', Buffer.concat(after.map((plain) => hash('sha256', plain, 'buffer')))));
});

test('an image of another size is no copy, but known chunks are not sent again', async () => {
  const { previous } = previousOf([chunk(1), chunk(2)]);
  await using server = await ScriptedBackupServer.start({ previous });
  await backUp(server, imageOf([chunk(1), chunk(2), chunk(3)]), { isCopyOfPrevious: true });
  assert.equal(server.of('POST', '/fixed_index')[0]?.parameters.get('reuse-csum'), null);
  assert.equal(server.of('POST', '/fixed_chunk').length, 1);
});

test('a last snapshot without the archive is of no use, and harmless', async () => {
  const { previous } = previousOf([chunk(1)], (manifest) => ({ ...manifest, files: [] }));
  await using server = await ScriptedBackupServer.start({ previous });
  await backUp(server, imageOf([chunk(1)]));
  assert.equal(server.of('GET', '/previous').length, 1, 'only the manifest');
  assert.equal(server.of('POST', '/fixed_chunk').length, 1);
});

test('a last index that is not the one of its manifest breaks the backup off before anything is made', async () => {
  const { previous } = previousOf([chunk(1)], ({ files: [file], ...manifest }) => ({
    ...manifest,
    files: [{ ...file!, csum: '0'.repeat(64) }],
  }));
  await using server = await ScriptedBackupServer.start({ previous });
  await assert.rejects(backUp(server, imageOf([chunk(1)])), { code: 'manifest-csum', exitCode: 1 });
  assert.equal(server.of('POST', '/fixed_index').length, 0);
});

test('under a key everything but the manifest is encrypted, and the manifest is signed', async () => {
  const crypt = new CryptConfig(Buffer.alloc(32, 7));
  await using server = await ScriptedBackupServer.start();
  const plains = [chunk(1), zeros, randomBytes(5000)];
  await backUp(server, imageOf(plains, crypt), { crypt });
  for (const [index, { parameters, body }] of server.of('POST', '/fixed_chunk').entries()) {
    const plain = decodeBlob(body, { maxPlainBytes: DEFAULT_CHUNK_SIZE, crypt });
    assert.ok(Buffer.from(plain).equals(plains[index] ?? Buffer.of()));
    assert.equal(parameters.get('digest'), crypt.digest(plain));
    assert.match(parseBlob(body).kind, /encrypted/u);
  }
  assert.match(parseBlob(server.of('POST', '/blob')[0]?.body ?? Buffer.of()).kind, /encrypted/u);
  const manifest = manifestOf(server);
  assert.equal(verifyManifestSignature(manifest, crypt), 'valid');
  assert.deepEqual(new Set(manifest.files.map(({ cryptMode }) => cryptMode)), new Set(['encrypt']));
});

test('chunks under another key, or under none, are not used again', async () => {
  const crypt = new CryptConfig(Buffer.alloc(32, 7));
  const golden = 'vm/200/2026-02-14T17:26:40Z';
  const encrypted = { snapshot: golden, file: (name: string) => goldenFile(golden, name) };
  for (const [previous, key] of [
    [encrypted, crypt],
    [encrypted, undefined],
    [previousOf([chunk(1)]).previous, crypt],
  ] as const) {
    await using server = await ScriptedBackupServer.start({ previous });
    await backUp(server, imageOf([chunk(1)], key), key === undefined ? {} : { crypt: key });
    assert.equal(server.of('GET', '/previous').length, 1, 'only the manifest');
  }
});

test('an abort ends the backup without a finished snapshot', async () => {
  const controller = new AbortController();
  await using server = await ScriptedBackupServer.start({
    answer: async ({ endpoint }) => {
      if (endpoint !== '/fixed_chunk') return undefined;
      controller.abort(new Error('enough'));
      return await new Promise(() => {});
    },
  });
  const chunks = Array.from({ length: 8 }, (_, slot) => chunk(slot));
  await assert.rejects(backUp(server, imageOf(chunks), { signal: controller.signal }), /enough/u);
  assert.equal(server.of('POST', '/finish').length, 0);
  assert.equal(server.of('POST', '/blob').length, 0);
});

test('once the server was asked to finish, its answer is waited for', async () => {
  const controller = new AbortController();
  await using server = await ScriptedBackupServer.start({
    answer: async ({ endpoint }) => {
      if (endpoint !== '/finish') return undefined;
      controller.abort(new Error('too late'));
      await new Promise((resolve) => setTimeout(resolve, 20));
      return undefined;
    },
  });
  const [image] = await backUp(server, imageOf([chunk(1)]), { signal: controller.signal });
  assert.equal(image?.chunkCount, 1);
});

test('a server that answers no more is given up, but not while it finishes', async () => {
  const timeouts = { stallMs: 700, stallBytes: 16 * 1024 };
  const content = {
    snapshot: parseSnapshotPath(NEW),
    images: [{ archive: ARCHIVE, image: imageOf([chunk(1), chunk(2)]) }],
    blobs: [],
  };
  const silent = (endpoint: string, ms: number): NonNullable<ScriptedBackupOptions['answer']> => {
    return async (request) => {
      if (request.endpoint === endpoint) await new Promise((resolve) => setTimeout(resolve, ms).unref());
      return undefined;
    };
  };
  await using dead = await ScriptedBackupServer.start({ answer: silent('/fixed_chunk', 60_000) });
  await using stuck = await dead.connect(NEW, { timeouts });
  await assert.rejects(makeBackup(stuck, content, { inFlight: 2, signal }), { code: 'stalled', exitCode: 4 });
  await using slow = await ScriptedBackupServer.start({ answer: silent('/finish', 2000) });
  await using session = await slow.connect(NEW, { timeouts });
  assert.equal((await makeBackup(session, content, { inFlight: 2, signal })).length, 1);
});

test('a refusal inside of the session ends it, in the words of the server', async () => {
  const full = { status: 400, body: 'inserting chunk failed: No space left on device (os error 28)' };
  const cases = [
    ['/fixed_chunk', full, 'server-full', 4],
    ['/fixed_close', { status: 400, body: 'close failed - got unexpected checksum' }, 'backup-refused', 4],
    ['/finish', { status: 400, body: `echo of ${TOKEN_SECRET}` }, 'backup-refused', 4],
    ['/fixed_index', { status: 200, body: '{"data":"one"}' }, 'response-malformed', 4],
    ['/fixed_index', { status: 200, body: '<html>' }, 'response-malformed', 4],
    ['/fixed_chunk', { status: 200, body: '{"data":"0"}' }, 'response-malformed', 4],
    ['/previous_backup_time', { status: 200, body: '{"data":{}}' }, 'response-malformed', 4],
  ] as const;
  for (const [endpoint, answer, code, exitCode] of cases) {
    await using server = await ScriptedBackupServer.start({ answer: refusing(endpoint, answer) });
    await assert.rejects(backUp(server, imageOf([chunk(1), chunk(2)])), (error: unknown) => {
      assert.ok(error instanceof KnownError, String(error));
      assert.deepEqual([error.code, error.exitCode], [code, exitCode], error.message);
      assert.ok(!`${error.message}${error.hint}`.includes(TOKEN_SECRET));
      return true;
    });
    if (endpoint !== '/finish') assert.equal(server.of('POST', '/finish').length, 0);
  }
});

test('a backup that the server does not begin says why, and whom it concerns', async () => {
  const cases = [
    [400, 'unable to acquire backup group lock "/run/x" while creating locked backup group "vm/100"', 'locked', 4],
    [400, 'backup timestamp is older than last backup.', 'backup-time-old', 2],
    [400, 'backup owner check failed (a@pbs != b@pbs)', 'permission-denied', 4],
    [403, 'permission check failed', 'permission-denied', 4],
    [404, 'namespace not found', 'namespace-not-found', 2],
    [400, "no such datastore 'wire'", 'datastore-not-found', 2],
    [400, "datastore 'wire' is unavailable: offline maintenance mode:", 'maintenance', 4],
    [401, 'authentication failed', 'authentication-failed', 4],
    [500, `something else, ${TOKEN_SECRET}`, 'backup-refused', 4],
  ] as const;
  for (const [status, body, code, exitCode] of cases) {
    await using server = await ScriptedBackupServer.start({ refuse: () => ({ status, body }) });
    await assert.rejects(server.connect(NEW), (error: unknown) => {
      assert.ok(error instanceof KnownError, String(error));
      assert.deepEqual([error.code, error.exitCode], [code, exitCode], error.message);
      assert.ok(error.hint !== undefined && !error.message.includes(TOKEN_SECRET), error.message);
      return true;
    });
  }
});

test('a namespace is asked for only where it is not the root', async () => {
  await using server = await ScriptedBackupServer.start();
  for (const namespace of ['', 'a/b']) {
    await using session = await server.connect(NEW, { namespace });
    assert.equal(await session.previousBackupTime(signal), undefined);
  }
  const [root, inside] = server.stub.requests.map(({ head }) => head);
  assert.doesNotMatch(root ?? '', /ns=/u);
  assert.match(inside ?? '', /&ns=a%2Fb&store=wire/u);
});

test('the image of a golden snapshot has the index checksum that the real client wrote', async () => {
  await using server = await ScriptedBackupServer.start();
  const snapshot = 'vm/400/2026-02-15T18:26:40Z';
  const [image] = await backUp(server, goldenImage(snapshot));
  const real = parseManifest(goldenFile(snapshot, 'index.json.blob')).files.find(
    ({ filename }) => filename === ARCHIVE,
  );
  assert.deepEqual([image?.csum, image?.sizeBytes], [real?.csum, real?.size]);
});
