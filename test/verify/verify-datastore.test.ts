import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import { InterruptedError } from '../../src/model/errors.ts';
import { openDatastore } from '../../src/pbs/datastore/open-datastore.ts';
import { encodeBlob } from '../../src/pbs/format/blob.ts';
import type { CryptConfig } from '../../src/pbs/format/crypt-config.ts';
import { encodeManifest, parseManifest } from '../../src/pbs/format/manifest.ts';
import { readingOrders, type VerifyOutcome } from '../../src/model/verify.ts';
import type { VerifiedChunk } from '../../src/verify/verify-chunks.ts';
import { verifyDatastore, type VerifyOptions } from '../../src/verify/verify-datastore.ts';
import { copyOfGolden, expected, goldenKey, goldenStore } from '../pbs/datastore/golden.ts';
import { readerWithoutRights } from '../pbs/datastore/reader-without-rights.ts';
import { otherCrypt } from '../pbs/format/keys.ts';

const newest = 'vm/100/2026-02-16T16:30:44Z';
const image = `${newest}/drive-scsi0.img.fidx`;
const encrypted = 'vm/200/2026-02-15T18:26:40Z';
const clock = monotonicClock();

/** On few threads unless the test says otherwise: each takes a third of a second to start. */
async function verify(store: string, more: Partial<VerifyOptions> = {}): Promise<VerifyOutcome> {
  return await verifyDatastore({
    datastore: await openDatastore(store),
    readThreads: 1,
    verifyThreads: 0,
    order: 'inode',
    clock,
    signal: new AbortController().signal,
    ...more,
  });
}

const found = ({ problems }: VerifyOutcome): readonly (readonly string[])[] =>
  problems.map(({ code, file, affects }) => [code, file, ...affects]);

/** A data chunk of the newest image that the others of the group do not have. */
async function ownChunk(store: string): Promise<string> {
  const datastore = await openDatastore(store);
  const digests = async (snapshot: string): Promise<ReadonlySet<string>> =>
    new Set([...(await datastore.readIndex(snapshot, 'drive-scsi0.img')).slots()].map(({ digest }) => digest));
  const before = await digests('vm/100/2026-02-15T16:29:43Z');
  const own = [...(await digests(newest))].find((digest) => !before.has(digest));
  assert.ok(own !== undefined);
  return own;
}

/** Of all images of vm/100. */
const distinctChunks = 12;

const chunkFile = (digest: string): string => join('.chunks', digest.slice(0, 4), digest);

async function linkToItself(path: string): Promise<void> {
  await rm(path);
  await symlink(path, path);
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = bytes[at]! ^ 1;
  await writeFile(path, bytes);
}

describe('verifying the golden store', () => {
  for (const order of readingOrders) {
    it(`finds it sound and reads each chunk once, in the order of the ${order}`, async () => {
      const seen: VerifiedChunk[] = [];
      const outcome = await verify(goldenStore, {
        order,
        readThreads: 2,
        verifyThreads: 2,
        onVerified: (chunk) => seen.push(chunk),
      });
      assert.deepEqual([outcome.problems, outcome.warnings], [[], []]);
      assert.equal(outcome.snapshotCount, Object.keys(expected.snapshots).length);
      assert.equal(outcome.chunkCount, expected.chunk_store.chunks);
      assert.equal(outcome.bytes.read, expected.chunk_store.bytes);
      assert.equal(seen.length, outcome.chunkCount);
      assert.equal(new Set(seen.map(({ chunk }) => chunk.digest)).size, outcome.chunkCount);
      assert.ok(outcome.withoutKeyCount > 0 && outcome.withoutKeyCount < outcome.chunkCount);
      for (const { calledMs, readStartedMs, firstByteMs, lastByteMs, decodeStartedMs, decodedMs } of seen) {
        const times = [calledMs, readStartedMs, firstByteMs, lastByteMs, decodeStartedMs, decodedMs];
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
          'the stages of a chunk follow one another',
        );
      }
      assert.deepEqual(new Set(seen.map(({ readThread }) => readThread)), new Set([0, 1]));
    });
  }

  it('reads the chunks of an archive as its index names them where that is asked', async () => {
    const seen: string[] = [];
    await verify(goldenStore, {
      snapshot: newest,
      order: 'index',
      onVerified: ({ chunk }) => seen.push(chunk.digest),
    });
    const index = await (await openDatastore(goldenStore)).readIndex(newest, 'drive-scsi0.img');
    assert.deepEqual(seen, [...new Set([...index.slots()].map(({ digest }) => digest))]);
  });

  it('checks the contents of encrypted chunks under their key, and others as without one', async () => {
    const crypt = await goldenKey(encrypted);
    const own = await verify(goldenStore, { snapshot: encrypted, ...(crypt === undefined ? {} : { crypt }) });
    assert.deepEqual([own.problems, own.withoutKeyCount], [[], 0]);
    const all = await verify(goldenStore, crypt === undefined ? {} : { crypt });
    assert.deepEqual([all.problems, all.withoutKeyCount], [[], 2], 'host/anchor-enc has another key');
    assert.equal(all.warnings.length, 1);
    assert.match(all.warnings[0] ?? '', /^\d of \d encrypted or signed snapshots are under another key/u);
  });

  it('refuses a key that is of none of the snapshots', async () => {
    const wrong = { code: 'wrong-key', exitCode: 2 };
    await assert.rejects(verify(goldenStore, { snapshot: encrypted, crypt: otherCrypt }), {
      ...wrong,
      message: /not the one of this backup/u,
    });
    await assert.rejects(verify(goldenStore, { crypt: otherCrypt }), { ...wrong, message: /any of the \d/u });
  });
});

describe('verifying a damaged store', () => {
  const damages: readonly {
    readonly what: string;
    readonly plant: (store: string, digest: string) => Promise<void>;
    readonly code: string;
    /** Below the datastore; the chunk unless given. */
    readonly file?: string;
    readonly affects?: readonly string[];
  }[] = [
    {
      what: 'a flipped byte',
      plant: async (store, digest) => await flip(join(store, chunkFile(digest)), 500),
      code: 'blob-crc',
    },
    {
      what: 'other contents under a right CRC-32',
      plant: async (store, digest) =>
        await writeFile(join(store, chunkFile(digest)), encodeBlob(new Uint8Array(4 << 20))),
      code: 'chunk-digest',
    },
    {
      what: 'contents of another length',
      plant: async (store, digest) => await writeFile(join(store, chunkFile(digest)), encodeBlob(new Uint8Array(5))),
      code: 'chunk-length',
    },
    {
      what: 'a missing chunk',
      plant: async (store, digest) => await rm(join(store, chunkFile(digest))),
      code: 'chunk-missing',
    },
    {
      what: 'a chunk whose folder is a file',
      plant: async (store, digest) => {
        await rm(dirname(join(store, chunkFile(digest))), { recursive: true });
        await writeFile(dirname(join(store, chunkFile(digest))), '');
      },
      code: 'chunk-missing',
    },
    {
      what: 'a chunk cut short',
      plant: async (store, digest) => await truncate(join(store, chunkFile(digest)), 100),
      code: 'blob-crc',
    },
    {
      what: 'an empty chunk, as a crash leaves it',
      plant: async (store, digest) => await truncate(join(store, chunkFile(digest)), 0),
      code: 'blob-truncated',
    },
    {
      what: 'a chunk that is a folder',
      plant: async (store, digest) => {
        await rm(join(store, chunkFile(digest)));
        await mkdir(join(store, chunkFile(digest)));
      },
      code: 'chunk-unreadable',
    },
    {
      what: 'a chunk that the file system does not give, as one on a bad sector',
      plant: async (store, digest) => await linkToItself(join(store, chunkFile(digest))),
      code: 'chunk-unreadable',
    },
    {
      what: 'an index that the file system does not give',
      plant: async (store) => await linkToItself(join(store, image)),
      code: 'file-unreadable',
      file: image,
    },
    {
      what: 'a manifest that the file system does not give',
      plant: async (store) => await linkToItself(join(store, newest, 'index.json.blob')),
      code: 'file-unreadable',
      file: `${newest}/index.json.blob`,
      affects: [newest],
    },
    {
      what: 'a chunk of gigabytes',
      plant: async (store, digest) => await truncate(join(store, chunkFile(digest)), 2 ** 32),
      code: 'chunk-too-large',
    },
    {
      what: 'an encrypted chunk in the place of a plain one',
      plant: async (store, digest) =>
        await writeFile(join(store, chunkFile(digest)), encodeBlob(new Uint8Array(9), { crypt: otherCrypt })),
      code: 'chunk-crypt-mode',
    },
    {
      what: 'a truncated index',
      plant: async (store) => await truncate(join(store, image), 4096 + 32),
      code: 'index-length',
      file: image,
    },
    {
      what: 'a flipped byte in an index',
      plant: async (store) => await flip(join(store, image), 4100),
      code: 'index-csum',
      file: image,
    },
    {
      what: 'an index that is not the one of the manifest',
      plant: async (store) =>
        await cp(join(store, 'vm/100/2026-02-15T16:29:43Z/drive-scsi0.img.fidx'), join(store, image)),
      code: 'manifest-csum',
      file: image,
    },
    {
      what: 'a missing index',
      plant: async (store) => await rm(join(store, image)),
      code: 'file-missing',
      file: image,
    },
    {
      what: 'a changed blob',
      plant: async (store) => await flip(join(store, newest, 'qemu-server.conf.blob'), 20),
      code: 'manifest-csum',
      file: `${newest}/qemu-server.conf.blob`,
    },
    {
      what: 'a damaged manifest',
      plant: async (store) => await flip(join(store, newest, 'index.json.blob'), 40),
      code: 'blob-crc',
      file: `${newest}/index.json.blob`,
      affects: [newest],
    },
  ];
  for (const { what, plant, code, file, affects } of damages) {
    it(`finds ${what}, names it, and goes on`, async () => {
      await using copy = await copyOfGolden(['vm/100', '.chunks']);
      const digest = await ownChunk(goldenStore);
      await plant(copy.path, digest);
      const outcome = await verify(copy.path);
      const [place, named] = file === undefined ? [chunkFile(digest), [image]] : [file, affects ?? [file]];
      assert.deepEqual(found(outcome), [[code, place, ...named]]);
      assert.equal(outcome.problems[0]?.digest, file === undefined ? digest : undefined);
      if (file === undefined) assert.equal(outcome.chunkCount, distinctChunks);
    });
  }

  it('names every archive that a damaged chunk is in', async () => {
    await using copy = await copyOfGolden(['vm/100', '.chunks']);
    const first = 'vm/100/2026-02-13T16:27:41Z';
    const index = await (await openDatastore(copy.path)).readIndex(first, 'drive-scsi0.img');
    const shared = index.digestAt(0);
    await rm(join(copy.path, chunkFile(shared)));
    const [problem] = (await verify(copy.path)).problems;
    assert.ok(problem !== undefined && problem.affects.length >= 2, 'a chunk of the first backup is in later ones too');
    assert.ok(problem.affects.includes(`${first}/drive-scsi0.img.fidx`));
  });

  it('finds what only the key can show', async () => {
    const crypt = (await goldenKey(encrypted)) as CryptConfig;
    await using copy = await copyOfGolden(['vm/200', '.chunks']);
    const index = await (await openDatastore(copy.path)).readIndex(encrypted, 'drive-scsi0.img');
    const [one, two] = [...new Set([...index.slots()].map(({ digest }) => digest))];
    assert.ok(one !== undefined && two !== undefined);
    await cp(join(copy.path, chunkFile(one)), join(copy.path, chunkFile(two)));
    assert.deepEqual(found(await verify(copy.path, { snapshot: encrypted })), []);
    const [problem, ...more] = (await verify(copy.path, { snapshot: encrypted, crypt })).problems;
    assert.match(problem?.code ?? '', /^(?:chunk-digest|chunk-length|blob-too-large)$/u);
    assert.deepEqual([problem?.digest, more], [two, []]);

    const path = join(copy.path, encrypted, 'index.json.blob');
    const manifest = parseManifest(await readFile(path));
    await writeFile(path, encodeManifest({ ...manifest, files: manifest.files.toReversed() }));
    assert.ok(
      found(await verify(copy.path, { snapshot: encrypted, crypt })).some(([code]) => code === 'manifest-signature'),
    );
  });

  it('looks into every namespace, and leaves unfinished snapshots out', async () => {
    await using copy = await copyOfGolden(['vm/100', 'vm/400', '.chunks']);
    await mkdir(join(copy.path, 'ns/team/ns/test'), { recursive: true });
    await rename(join(copy.path, 'vm'), join(copy.path, 'ns/team/ns/test/vm'));
    const inside = 'ns/team/ns/test';
    await rm(join(copy.path, inside, image));
    await rm(join(copy.path, inside, 'vm/400/2026-02-15T18:26:40Z/index.json.blob'));
    const outcome = await verify(copy.path);
    assert.deepEqual(found(outcome), [['file-missing', `${inside}/${image}`, `${inside}/${image}`]]);
    assert.match(outcome.warnings.join(), /ns\/team\/ns\/test\/vm\/400.*unfinished/u);
    const datastore = (await openDatastore(copy.path)).inNamespace('team/test');
    assert.equal((await verify(copy.path, { datastore, snapshot: newest })).problems.length, 1);
  });

  it('looks into one namespace and those below it where one is given, which must be there', async () => {
    await using copy = await copyOfGolden(['vm/100', 'vm/400', '.chunks']);
    await mkdir(join(copy.path, 'ns/team/ns/test/vm'), { recursive: true });
    await rename(join(copy.path, 'vm/400'), join(copy.path, 'ns/team/ns/test/vm/400'));
    const root = await openDatastore(copy.path);
    assert.equal((await verify(copy.path)).snapshotCount, 5);
    assert.equal((await verify(copy.path, { datastore: root.inNamespace('team') })).snapshotCount, 1);
    await assert.rejects(verify(copy.path, { datastore: root.inNamespace('none') }), {
      code: 'namespace-not-found',
      exitCode: 2,
    });
  });
});

describe('verifying a store from which snapshots are removed meanwhile', () => {
  /** What is to be removed while indexes are read; the last one is that of {@link newest}. */
  const midway = ({ snapshots }: { readonly snapshots: number }, remove: () => void): void => {
    if (snapshots === 1) remove();
  };
  const removedMeanwhile = [`${newest} was removed while it was verified: what is missing of it is no damage`];
  const removals: readonly { readonly what: string; readonly remove: (store: string) => void }[] = [
    { what: 'a snapshot', remove: (store) => rmSync(join(store, newest), { recursive: true }) },
    {
      what: 'all snapshots',
      remove: (store) => rmSync(join(store, 'vm'), { recursive: true }),
    },
  ];
  for (const { what, remove } of removals) {
    it(`goes on where ${what} went between the list and its turn`, async () => {
      await using copy = await copyOfGolden(['vm/100', '.chunks']);
      const outcome = await verify(copy.path, {
        onProgress: (progress) => {
          if (progress.step === 'indexes') midway(progress, () => remove(copy.path));
        },
      });
      assert.deepEqual(found(outcome), []);
      assert.deepEqual(outcome.warnings.slice(-1), removedMeanwhile);
    });
  }

  it('does not take for damage that its chunks are gone, nor what is still there of its files', async () => {
    await using copy = await copyOfGolden(['vm/100', '.chunks']);
    const digest = await ownChunk(copy.path);
    await rm(join(copy.path, image));
    const outcome = await verify(copy.path, {
      onStart: () => {
        rmSync(join(copy.path, newest), { recursive: true });
        rmSync(join(copy.path, chunkFile(digest)));
      },
    });
    assert.deepEqual(found(outcome), []);
    assert.deepEqual(outcome.warnings, removedMeanwhile);
  });

  it('still finds the damage of the others', async () => {
    await using copy = await copyOfGolden(['vm/100', '.chunks']);
    const first = 'vm/100/2026-02-13T16:27:41Z';
    const shared = (await (await openDatastore(copy.path)).readIndex(first, 'drive-scsi0.img')).digestAt(0);
    const outcome = await verify(copy.path, {
      onStart: () => {
        rmSync(join(copy.path, newest), { recursive: true });
        rmSync(join(copy.path, chunkFile(shared)));
      },
    });
    const [problem, ...more] = outcome.problems;
    assert.deepEqual([problem?.code, problem?.digest, more], ['chunk-missing', shared, []]);
    assert.ok(problem?.affects.includes(`${first}/drive-scsi0.img.fidx`));
    assert.ok(!problem?.affects.includes(image));
  });

  it('says that the one that was named is gone', async () => {
    await using copy = await copyOfGolden(['vm/100', '.chunks']);
    const digest = await ownChunk(copy.path);
    const onStart = (): void => {
      rmSync(join(copy.path, newest), { recursive: true });
      rmSync(join(copy.path, chunkFile(digest)));
    };
    await assert.rejects(verify(copy.path, { snapshot: newest, onStart }), { code: 'snapshot-not-found', exitCode: 2 });
  });
});

describe('a verify that cannot go on', () => {
  it('ends when it is told to, and leaves no thread behind', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const options = {
      readThreads: 2,
      verifyThreads: 2,
      signal: controller.signal,
      onVerified: () => controller.abort(reason),
    };
    await assert.rejects(verify(goldenStore, options), reason);
  });

  it('gives what it found where the user ends it', async () => {
    const controller = new AbortController();
    const interrupt = (): void => controller.abort(new InterruptedError('SIGINT'));
    const outcome = await verify(goldenStore, { signal: controller.signal, onVerified: interrupt });
    assert.equal(outcome.status, 'interrupted');
    assert.ok(outcome.checkedCount > 0 && outcome.checkedCount < outcome.chunkCount);
    assert.ok(outcome.bytes.checked > 0 && outcome.bytes.checked < outcome.bytes.unique);
  });

  it('says which snapshot is not there', async () => {
    await assert.rejects(verify(goldenStore, { snapshot: 'vm/100/2020-01-01T00:00:00Z' }), {
      code: 'snapshot-not-found',
      exitCode: 2,
    });
  });

  it('does not take for damage what it may not read', async (context) => {
    const become = readerWithoutRights();
    if (become === undefined) return context.skip('root may read everything, and cannot be anybody else here');
    await using copy = await copyOfGolden(['vm/100', '.chunks']);
    await chmod(join(copy.path, chunkFile(await ownChunk(copy.path))), 0);
    try {
      // By then everything else has been read, the code of the threads too.
      await assert.rejects(verify(copy.path, { onStart: become }), { name: 'MachineError', exitCode: 5 });
    } finally {
      if (process.getuid?.() === 0) process.seteuid?.(0);
    }
    return undefined;
  });
});
