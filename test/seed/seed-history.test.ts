import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Clock } from '../../src/model/ports.ts';
import { DEFAULT_CHUNK_SIZE } from '../../src/model/units.ts';
import { encodeFixedIndex } from '../../src/pbs/format/fixed-index.ts';
import { encodeManifest, parseManifest } from '../../src/pbs/format/manifest.ts';
import { formatSnapshotPath } from '../../src/pbs/format/snapshot-path.ts';
import { seedHistory, type SeededBackup } from '../../src/seed/seed-history.ts';
import { SyntheticHistory } from '../../src/workload/synthetic-history.ts';
import { ScriptedBackupServer, type ScriptedBackupOptions } from '../pbs/client/scripted-backup-server.ts';

const image = {
  sizeBytes: 6 * DEFAULT_CHUNK_SIZE,
  zeroShare: 0,
  repeatedShare: 0,
  compressionRatio: 20,
  seed: 'seed history',
};
const settings = { depth: 3, changeRate: 0.2 };
const group = { type: 'vm', id: 'restorelab-1' } as const;
const planned = [0, 1, 2].map((backup) => ({ backup, snapshot: { ...group, time: 1000 + backup } }));
const { signal } = new AbortController();

/** Time that passes only by sleeping, and then some more of it. */
function sleepingClock(oversleeps = 1): Clock & { readonly sleeps: () => number } {
  let now = 0;
  let sleeps = 0;
  return {
    now: () => now,
    sleep: async (ms) => {
      now += ms * oversleeps;
      sleeps += 1;
    },
    sleeps: () => sleeps,
  };
}

async function seedOn(
  server: ScriptedBackupServer,
  backups: typeof planned,
  clock: Clock = sleepingClock(),
  onProgress: (bytes: number) => void = () => {},
): Promise<readonly SeededBackup[]> {
  return await seedHistory({
    connect: async (snapshot) => await server.connect(formatSnapshotPath(snapshot)),
    history: new SyntheticHistory(image, settings),
    historyId: '0123456789abcdef',
    backups,
    command: 'restorelab seed',
    isCopyOfPrevious: false,
    inFlight: 4,
    clock,
    onProgress,
    signal,
  });
}

const refuseAttempts = (
  attempts: readonly number[],
  body: string,
): Pick<ScriptedBackupOptions, 'refuse'> & { readonly count: () => number } => {
  let count = 0;
  return {
    refuse: () => (attempts.includes((count += 1)) ? { status: 400, body } : undefined),
    count: () => count,
  };
};

test('every backup has a session of its own and notes that say which it is, and progress goes over all of them', async () => {
  await using server = await ScriptedBackupServer.start();
  const progress: number[] = [];
  const seeded = await seedOn(server, planned, sleepingClock(), (bytes) => progress.push(bytes));
  assert.deepEqual(
    seeded.map(({ backup }) => backup),
    [0, 1, 2],
  );
  assert.equal(server.stub.sessions.length, 3);
  const notes = server
    .of('POST', '/blob')
    .filter(({ parameters }) => parameters.get('file-name') === 'index.json.blob')
    .map(({ body }) => String(parseManifest(body).unprotected['notes']).split(' of history')[0]);
  assert.deepEqual(
    notes,
    [1, 2, 3].map((number) => `Synthetic image of restorelab seed, backup ${number}`),
  );
  assert.deepEqual(
    progress,
    Array.from({ length: 18 }, (_, index) => (index + 1) * DEFAULT_CHUNK_SIZE),
  );
});

test('the lock that the session before still holds is waited for, anybody else’s is not', async () => {
  const LOCKED = 'unable to acquire backup group lock "x" while creating locked backup group "y"';
  const later = refuseAttempts([2, 3, 5], LOCKED);
  await using server = await ScriptedBackupServer.start(later);
  const clock = sleepingClock();
  assert.equal((await seedOn(server, planned, clock)).length, 3);
  assert.deepEqual([later.count(), clock.sleeps()], [6, 3]);

  const first = refuseAttempts([1], LOCKED);
  await using busy = await ScriptedBackupServer.start(first);
  await assert.rejects(seedOn(busy, planned), { code: 'locked' });
  assert.equal(first.count(), 1);

  const forEver = refuseAttempts(
    Array.from({ length: 100 }, (_, index) => index + 2),
    LOCKED,
  );
  await using stuck = await ScriptedBackupServer.start(forEver);
  const patient = sleepingClock(40);
  await assert.rejects(seedOn(stuck, planned, patient), { code: 'locked' });
  assert.ok(patient.now() > 30_000 && patient.now() < 40_000);

  await using full = await ScriptedBackupServer.start(refuseAttempts([2], 'No space left on device'));
  const impatient = sleepingClock();
  await assert.rejects(seedOn(full, planned, impatient), { code: 'server-full' });
  assert.equal(impatient.sleeps(), 0);
});

test('a history that goes on takes the digests of the last backup from its index, and uploads only what changed', async () => {
  const source = new SyntheticHistory(image, settings).backup(1);
  const digests = Array.from({ length: source.slotCount }, (_, slot) => source.chunk(slot).digest);
  const index = encodeFixedIndex({
    size: image.sizeBytes,
    chunkSize: DEFAULT_CHUNK_SIZE,
    digests: Buffer.from(digests.join(''), 'hex'),
    ctime: 1,
  });
  const manifest = encodeManifest({
    snapshot: { ...group, time: 1001 },
    files: [
      {
        filename: 'drive-scsi0.img.fidx',
        cryptMode: 'none',
        size: image.sizeBytes,
        csum: Buffer.from(index.subarray(32, 64)).toString('hex'),
      },
    ],
    unprotected: {},
  });
  const previous = {
    snapshot: 'vm/restorelab-1/1970-01-01T00:16:41Z',
    file: (name: string) => (name === 'index.json.blob' ? manifest : index),
  };
  await using server = await ScriptedBackupServer.start({ previous });
  const [seeded] = await seedOn(server, planned.slice(2));
  assert.equal(seeded?.image.uploaded.chunks, 1);
  assert.equal(server.of('POST', '/fixed_chunk').length, 1);
});
