import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { formatJournalEntry, formatJournalHeader, type RestoredArchive } from '../../src/journal/journal-format.ts';
import { listUnfinishedRestores } from '../../src/journal/list-journals.ts';
import { RestoreJournal, type OpenJournalOptions } from '../../src/journal/restore-journal.ts';
import { UsageError } from '../../src/model/errors.ts';
import { identityOf } from '../../src/process/process-identity.ts';

const archive: RestoredArchive = {
  snapshot: 'vm/100/2026-02-16T16:30:44Z',
  archive: 'drive-scsi0.img.fidx',
  indexChecksum: 'ab'.repeat(32),
  size: 1000,
};

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'restorelab-journal-'));
});
after(async () => await rm(folder, { recursive: true }));

const open = async (
  name: string,
  about: RestoredArchive = archive,
  options: Partial<OpenJournalOptions> = {},
): Promise<RestoreJournal> =>
  await RestoreJournal.open({
    path: join(folder, name),
    archive: about,
    target: '/data/disk.img',
    pid: process.pid,
    ...options,
  });

/** A journal as a process leaves it that has noted the first 100 bytes. */
async function left(name: string): Promise<void> {
  await using journal = await open(name);
  assert.equal(journal.claimed, undefined);
  await journal.add([[0, 100]]);
}

test('what was noted is claimed by the next restore of the same archive, and all of it is kept', async () => {
  await left('same');
  {
    await using journal = await open('same');
    assert.deepEqual([...(journal.claimed ?? [])], [[0, 100]]);
    await journal.add([[500, 20]]);
  }
  await using journal = await open('same');
  assert.deepEqual(
    [...(journal.claimed ?? [])],
    [
      [0, 100],
      [500, 20],
    ],
  );
});

test('lines after a torn one are lines of their own', async () => {
  await left('torn');
  const path = join(folder, 'torn');
  const whole = formatJournalHeader(archive) + formatJournalEntry({ restored: [[0, 100]] });
  await writeFile(path, `${whole}${formatJournalEntry({ restored: [[200, 50]] }).slice(0, 25)}`);
  {
    await using journal = await open('torn');
    await journal.add([[500, 20]]);
  }
  await using journal = await open('torn');
  assert.deepEqual(
    [...(journal.claimed ?? [])],
    [
      [0, 100],
      [500, 20],
    ],
  );
});

const others: readonly (readonly [name: string, about: Partial<RestoredArchive>, said: RegExp])[] = [
  ['snapshot', { snapshot: 'vm/100/2026-02-17T16:30:44Z' }, /2026-02-16T16:30:44Z, not .*2026-02-17T16:30:44Z/u],
  ['archive', { archive: 'drive-scsi1.img.fidx' }, /drive-scsi0.* not drive-scsi1/u],
  ['key', { keyFingerprint: '01:02:03' }, /no key, not with the key 01:02:03/u],
  ['index', { indexChecksum: 'cd'.repeat(32) }, /of the same name and time/u],
];
for (const [name, about, said] of others) {
  test(`another ${name} is refused, and the journal stays as it is`, async () => {
    await left(name);
    const text = await readFile(join(folder, name), 'utf8');
    await assert.rejects(
      open(name, { ...archive, ...about }),
      (error) =>
        error instanceof UsageError &&
        error.code === 'restore-differs' &&
        said.test(error.message) &&
        error.hint?.includes('--restart') === true,
    );
    assert.equal(await readFile(join(folder, name), 'utf8'), text);
  });
}

test('a process that still runs keeps others out; one that was killed does not', async () => {
  const path = join(folder, 'owned');
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  try {
    const openedBy = identityOf(child.pid ?? 0);
    const text = formatJournalHeader(archive) + formatJournalEntry({ openedBy });
    await writeFile(path, text);
    const refused = (error: unknown): boolean => error instanceof UsageError && error.code === 'restore-running';
    await assert.rejects(open('owned'), refused);
    await assert.rejects(open('owned', archive, { discards: true }), refused);
    assert.equal(await readFile(path, 'utf8'), text);
    // The same number, but of a process that has started at another time.
    await writeFile(
      path,
      formatJournalHeader(archive) +
        formatJournalEntry({ openedBy: { ...openedBy, startTicks: openedBy.startTicks + 1 } }),
    );
    await using journal = await open('owned');
    assert.equal(journal.claimed?.bytes, 0);
  } finally {
    child.kill('SIGKILL');
  }
});

test('a process that died over its first line had written nothing', async () => {
  await writeFile(join(folder, 'headless'), formatJournalHeader(archive).slice(0, 40));
  await using journal = await open('headless');
  assert.equal(journal.claimed, undefined);
});

test('what is removed is gone, and only its owner can read it before', async () => {
  const journal = await open('removed');
  assert.equal((await stat(join(folder, 'removed'))).mode & 0o777, 0o600);
  await journal.remove();
  await assert.rejects(stat(join(folder, 'removed')), { code: 'ENOENT' });
});

test('what is discarded is gone, whatever it was about and whatever is damaged in it', async () => {
  const other = { ...archive, snapshot: 'vm/100/2026-02-17T16:30:44Z' };
  await left('discarded');
  const text = await readFile(join(folder, 'discarded'), 'utf8');
  for (const earlier of [text, text.replace('vm/100', 'vm/101'), 'anything']) {
    await writeFile(join(folder, 'discarded'), earlier);
    await (await open('discarded', other, { discards: true }))[Symbol.asyncDispose]();
    await using journal = await open('discarded', other);
    assert.equal(journal.claimed?.bytes, 0);
  }
});

test('of two that open it at the same moment one gets it', async () => {
  const other = { ...archive, snapshot: 'vm/100/2026-02-17T16:30:44Z' };
  const whole = formatJournalHeader(archive);
  for (const before of [undefined, '', whole.slice(0, 40), whole]) {
    for (const [about, discards] of [
      [archive, false],
      [archive, true],
      [other, true],
      [other, before === whole],
    ] as const) {
      const name = 'wanted';
      await rm(join(folder, name), { force: true });
      if (before !== undefined) await writeFile(join(folder, name), before);
      const opened = await Promise.allSettled([
        open(name, archive, { discards }),
        open(name, about, { discards, pid: process.ppid }),
      ]);
      const got = opened.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
      const refused = opened.filter((one) => one.status === 'rejected').map(({ reason }) => reason as unknown);
      assert.equal(got.length, 1, `${before}: ${refused.join('; ')}`);
      assert.ok(refused[0] instanceof UsageError && refused[0].code === 'restore-running', String(refused[0]));
      await got[0]?.add([[0, 100]]);
      assert.match(await readFile(join(folder, name), 'utf8'), /\[\[0,100\]\]/u, 'its lines are where others look');
      await got[0]?.[Symbol.asyncDispose]();
    }
  }
});

test('of a folder that is not there, or cannot be, nothing is unfinished', async () => {
  const file = join(folder, 'a-file');
  await writeFile(file, '');
  assert.deepEqual(await listUnfinishedRestores(join(folder, 'none')), []);
  assert.deepEqual(await listUnfinishedRestores(join(file, 'below')), []);
});
