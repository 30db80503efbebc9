import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assert as assertProperty, nat, property, string } from 'fast-check';

import { UsageError } from '../../src/model/errors.ts';
import { historyId, markedGroup, seedMark, seedNotes } from '../../src/seed/seed-mark.ts';

const image = { sizeBytes: 1000, zeroShare: 0.1, repeatedShare: 0, compressionRatio: 1.5, seed: 'a' };
const history = historyId(image, { changeRate: 0.05 });

test('the mark is read back from the first line of the notes that carry it', () => {
  assertProperty(
    property(nat(999_998), string(), (backup, command) => {
      const [comment = ''] = seedNotes({ backup, history }, command).split('\n');
      assert.deepEqual(seedMark({ id: 'restorelab-x' }, comment), { backup, history });
    }),
  );
});

test('one mark alone is none', () => {
  const [comment = ''] = seedNotes({ backup: 0, history }, 'restorelab seed').split('\n');
  assert.notEqual(seedMark({ id: 'restorelab-1' }, comment), undefined);
  for (const id of ['100', 'restorelab', 'xrestorelab-1', 'Restorelab-1'])
    assert.equal(seedMark({ id }, comment), undefined);
  for (const notes of [undefined, '', 'nightly', ` ${comment}`, `${comment} `, comment.replace('backup 1', 'backup 0')])
    assert.equal(seedMark({ id: 'restorelab-1' }, notes), undefined, notes);
  assertProperty(property(string(), (notes) => seedMark({ id: 'restorelab-1' }, notes) === undefined));
});

test('a history is the same however long it is, and another with each setting', () => {
  const others = [
    historyId({ ...image, sizeBytes: 1001 }, { changeRate: 0.05 }),
    historyId({ ...image, zeroShare: 0.2 }, { changeRate: 0.05 }),
    historyId({ ...image, repeatedShare: 0.2 }, { changeRate: 0.05 }),
    historyId({ ...image, compressionRatio: 2 }, { changeRate: 0.05 }),
    historyId({ ...image, seed: 'b' }, { changeRate: 0.05 }),
    historyId(image, { changeRate: 0.06 }),
  ];
  assert.equal(new Set([history, ...others]).size, 7);
});

test('every group that is written to carries the mark', () => {
  assert.deepEqual(markedGroup('vm/9100'), { type: 'vm', id: 'restorelab-9100' });
  assert.deepEqual(markedGroup('ct/restorelab-9100'), { type: 'ct', id: 'restorelab-9100' });
  assert.deepEqual(markedGroup('host/a.b_c'), { type: 'host', id: 'restorelab-a.b_c' });
  for (const text of [
    '',
    'vm',
    'vm/',
    'vm/..',
    'vm/a/b',
    'vm/../x',
    'qemu/1',
    `vm/${'a'.repeat(250)}`,
    'vm/a b',
    'vm/-',
  ])
    assert.throws(() => markedGroup(text), UsageError, text);
});
