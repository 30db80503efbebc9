import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import {
  formatJournalEntry,
  formatJournalHeader,
  parseJournal,
  parseOwners,
  type RestoredArchive,
} from '../../src/journal/journal-format.ts';
import { IntegrityError, UsageError } from '../../src/model/errors.ts';

const archive: RestoredArchive = {
  snapshot: 'vm/100/2026-02-16T16:30:44Z',
  archive: 'drive-scsi0.img.fidx',
  indexChecksum: 'ab'.repeat(32),
  size: 1000,
};
const header = formatJournalHeader(archive);
const first = formatJournalEntry({ restored: [[0, 100]] });
const second = formatJournalEntry({ restored: [[300, 50]] });
const read = (text: string): readonly (readonly [number, number])[] => [
  ...(parseJournal(text, 'a.journal')?.restored ?? []),
];

test('what was written is read', () => {
  const keyed = { ...archive, keyFingerprint: '01:02' };
  const owner = { pid: 7, startTicks: 99 };
  const text = formatJournalHeader(keyed) + formatJournalEntry({ openedBy: owner }) + first + second;
  assert.deepEqual(parseJournal(text, 'a.journal')?.archive, keyed);
  assert.deepEqual(read(text), [
    [0, 100],
    [300, 50],
  ]);
  assert.deepEqual(parseOwners(text), [owner]);
});

test('those that have opened it and not closed it have it, in their order, whatever else is in it', () => {
  const [one, other, later] = [7, 8, 9].map((pid) => ({ pid, startTicks: 99 }));
  assert.ok(one !== undefined && other !== undefined && later !== undefined);
  const text = [
    'nothing that was written whole',
    ...[one, other, later].map((openedBy) => formatJournalEntry({ openedBy })),
    formatJournalEntry({ closedBy: other }),
    formatJournalEntry({ closedBy: { ...one, startTicks: 98 } }),
  ].join('\n');
  assert.deepEqual(parseOwners(text), [one, later]);
});

test('without a whole line there is nothing in it, and what stands behind a torn first line counts', () => {
  const torn = header.slice(0, 30);
  for (const text of ['', torn]) assert.equal(parseJournal(text, 'a.journal'), undefined);
  assert.deepEqual(read(`${torn}\n${header}${first}`), [[0, 100]]);
});

test('a torn tail takes only its own line with it, wherever it is torn', () => {
  for (let length = 0; length < second.length; length += 1) {
    const torn = header + first + second.slice(0, length);
    // A line that lacks only its line feed is whole.
    const expected = length === second.length - 1 ? 2 : 1;
    assert.equal(read(torn).length, expected, `${length} bytes`);
  }
});

test('a flipped byte takes only its own line with it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: first.length - 2 }), fc.integer({ min: 1, max: 127 }), (at, mask) => {
      const flipped = String.fromCodePoint((first.codePointAt(at) ?? 0) ^ mask);
      const damaged = first.slice(0, at) + flipped + first.slice(at + 1);
      assert.deepEqual(read(header + damaged + second), [[300, 50]]);
    }),
  );
});

test('any text is read or refused, and no line without its checksum counts', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.deepEqual(read(`${header}${text}\n`), []);
      assert.throws(() => parseJournal(`${text}\n`, 'a.journal'), IntegrityError);
    }),
  );
});

test('a first line that is damaged is refused by name', () => {
  assert.throws(
    () => parseJournal(header.replace('vm/100', 'vm/101') + first, 'disk.img.partial.journal'),
    (error) =>
      error instanceof IntegrityError &&
      error.code === 'journal-damaged' &&
      error.message.includes('disk.img.partial.journal') &&
      error.hint?.includes('--restart') === true,
  );
});

test('a newer format is refused politely', () => {
  const newer = formatJournalEntry({ journal: 'restorelab restore journal', formatVersion: 2 } as never);
  assert.throws(
    () => parseJournal(newer, 'a.journal'),
    (error) => error instanceof UsageError && error.code === 'journal-too-new' && /version 2/u.test(error.message),
  );
});
