import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';

import { chunkTimes, phaseShares } from '../../src/analysis/chunk-times.ts';
import { writeDisplacements } from '../../src/analysis/write-displacement.ts';
import { spanColumns, type SpanColumn, type SpanTable } from '../../src/model/records.ts';
import { phases } from '../../src/model/report.ts';

function table(rows: readonly Partial<Record<SpanColumn, number | null>>[]): SpanTable {
  const columns = spanColumns.map((name) => [name, rows.map((row) => row[name] ?? null)] as const);
  return Object.fromEntries(columns) as unknown as SpanTable;
}

const complete = {
  slot: 3,
  fetchCalledMs: 10,
  requestSentMs: 11,
  firstByteMs: 31,
  lastByteMs: 36,
  decodeCalledMs: 36,
  decodeStartedMs: 38,
  decodedMs: 41,
  writeCalledMs: 47,
  writeStartedMs: 48,
  writtenMs: 50,
};

test('the time of a chunk is cut at its moments', () => {
  const [chunk] = chunkTimes(table([complete]));
  assert.deepEqual(chunk?.phaseMs, { queued: 1, waiting: 20, receiving: 5, decoding: 5, held: 7, writing: 2 });
  assert.equal(chunk.headOfLineWaitMs, 6);
});

test('a moment that was not recorded gives its time to the next phase', () => {
  const [chunk] = chunkTimes(table([{ ...complete, requestSentMs: null, decodedMs: null }]));
  assert.deepEqual(chunk?.phaseMs, { queued: 0, waiting: 21, receiving: 5, decoding: 0, held: 12, writing: 2 });
  assert.equal(chunk.headOfLineWaitMs, undefined);
});

test('zero chunks and chunks that were never written are no data chunks', () => {
  assert.deepEqual(
    chunkTimes(
      table([
        { slot: 1, writtenMs: 4 },
        { ...complete, writtenMs: null },
      ]),
    ),
    [],
  );
  assert.equal(phaseShares([]), undefined);
});

test('a chunk that took next to nothing counts beside a late one', () => {
  const instant = { startMs: 0, endMs: Number.MIN_VALUE };
  const phaseMs = { queued: 0, waiting: 0, receiving: 0, decoding: 0, held: 0 };
  const chunk = { slot: 0, headOfLineWaitMs: undefined };
  const late = { ...chunk, startMs: 1000, endMs: 1000, phaseMs: { ...phaseMs, writing: 0 } };
  const early = { ...chunk, ...instant, phaseMs: { ...phaseMs, writing: Number.MIN_VALUE } };
  assert.equal(phaseShares([early, late, early])?.writing, 1);
});

test('phases add up to the whole time, whatever is missing or out of order', () => {
  const moment = fc.option(fc.double({ min: 0, max: 1000, noNaN: true }), { nil: null });
  const row = fc.record(
    Object.fromEntries(spanColumns.map((name) => [name, moment])) as Record<SpanColumn, typeof moment>,
  );
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), (rows) => {
      const chunks = chunkTimes(table(rows));
      for (const { startMs, endMs, phaseMs } of chunks) {
        assert.ok(phases.every((phase) => phaseMs[phase] >= 0));
        const sum = phases.reduce((total, phase) => total + phaseMs[phase], 0);
        assert.ok(Math.abs(sum - (endMs - startMs)) < 1e-6);
      }
      const shares = phaseShares(chunks);
      if (shares === undefined) return;
      const whole = phases.reduce((total, phase) => total + shares[phase], 0);
      assert.ok(Math.abs(whole - 1) < 1e-9);
    }),
  );
});

test('displacement is 0 in index order and counts places otherwise', () => {
  assert.deepEqual(writeDisplacements(table([{ slot: 0 }, { slot: 1 }, { slot: 2 }])), [0, 0, 0]);
  assert.deepEqual(writeDisplacements(table([{ slot: 2 }, { slot: 0 }, { slot: 1 }])), [2, 1, 1]);
  assert.deepEqual(writeDisplacements(table([{ slot: 10 }, { slot: 40 }])), [0, 0]);
});
