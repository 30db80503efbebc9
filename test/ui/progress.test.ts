import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { bytesPerSecond, formatBar, formatProgress, remainingTimeMs } from '../../src/ui/progress.ts';

test('shows how much is done, how fast, and how long it still takes', () => {
  assert.equal(
    formatProgress({ doneBytes: 250e6, totalBytes: 1e9, elapsedMs: 1000 }),
    '[######------------------]   25 %  250 MB/s  3.0 s left',
  );
});

test('leaves out what is not known yet', () => {
  assert.equal(formatProgress({ doneBytes: 0, totalBytes: 1e9, elapsedMs: 0 }), '[------------------------]    0 %');
  assert.equal(
    formatProgress({ doneBytes: 5e6, totalBytes: 1e9, elapsedMs: 10 }),
    '[------------------------]    0 %  500 MB/s',
  );
  assert.equal(formatProgress({ doneBytes: 1024 ** 2, elapsedMs: 0 }), '1 MiB');
  assert.equal(formatProgress({ doneBytes: 5, totalBytes: 10, elapsedMs: 0, barCells: 4 }), '[##--]   50 %');
  assert.equal(
    formatProgress({ doneBytes: 1e9, totalBytes: 1e9, elapsedMs: 2000 }),
    '[########################]  100 %  500 MB/s',
  );
});

test('no division by zero, no negative time, and a bar of its length for any share', () => {
  fc.assert(
    fc.property(fc.nat(1e9), fc.nat(1e9), fc.nat(1e6), (doneBytes, totalBytes, elapsedMs) => {
      const progress = { doneBytes, totalBytes, elapsedMs };
      assert.doesNotMatch(formatProgress(progress), /NaN|Infinity|undefined/u);
      assert.ok((remainingTimeMs(progress) ?? 0) >= 0);
      assert.ok((bytesPerSecond(progress) ?? 1) > 0);
    }),
  );
  for (const share of [-1, 0, 0.5, 1, 7]) assert.equal(formatBar(share, 10).length, 12);
});
