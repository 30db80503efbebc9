import assert from 'node:assert/strict';
import { test } from 'node:test';

import { pageCacheOf, pageCacheWarnings } from '../../src/analysis/page-cache.ts';
import type { CacheState } from '../../src/model/environment.ts';
import { metric, unavailable, type Metric } from '../../src/model/metric.ts';
import type { CaseRecord, PageCacheDrop, TrialRecord } from '../../src/model/records.ts';
import { caseRecord, caseSettings, image, sequential, trial } from './synthetic-run.ts';

const recordOf = (cache: CacheState): CaseRecord =>
  caseRecord(caseSettings({ storage: { readLatencyMs: 0, queueDepth: 64, cache } }));

function trialWith(
  record: CaseRecord,
  block: number,
  bytesFromDisk: Metric | undefined,
  pageCache?: PageCacheDrop,
): TrialRecord {
  const made = trial(record, sequential, block);
  const { counters } = made;
  assert.ok(counters !== undefined && !('unavailable' in counters.storage));
  const storage = { ...counters.storage, ...(bytesFromDisk === undefined ? {} : { bytesFromDisk }) };
  return { ...made, counters: { ...counters, storage }, ...(pageCache === undefined ? {} : { pageCache }) };
}

const all = metric(image.storedBytes * 1.01);
const little = metric(image.storedBytes * 0.25);

test('cold trials whose chunks came from disk are cold, and read-ahead does not make them more than whole', () => {
  const record = recordOf('cold');
  const trials = [trialWith(record, 0, all, { files: 90 }), trialWith(record, 1, all, { files: 90 })];
  assert.deepEqual(pageCacheWarnings(record, trials), []);
  assert.deepEqual(pageCacheOf(record, trials), { asked: 'cold', fromDiskShare: metric(1) });
});

test('one cold trial that was not cold is told, with the least share and why', () => {
  const record = recordOf('cold');
  const trials = [trialWith(record, 0, all), trialWith(record, 1, little, { unavailable: 'failed: no dd' })];
  const [warning, ...others] = pageCacheWarnings(record, trials);
  assert.deepEqual(others, []);
  assert.equal(warning?.code, 'cache-not-cold');
  assert.match(warning.sentence, /in 1 of 2 trials as little as 25 % of .*Dropping it: failed: no dd\./u);
  assert.deepEqual(pageCacheOf(record, trials)?.fromDiskShare, metric((1 + 0.25) / 2));
});

test('cold trials of which nobody knows are not claimed', () => {
  const record = recordOf('cold');
  const reason = unavailable('unsupported: darwin has no /proc/7/io');
  const trials = [trialWith(record, 0, reason)];
  const [warning] = pageCacheWarnings(record, trials);
  assert.equal(warning?.code, 'cache-unproven');
  assert.match(warning.sentence, /darwin has no/u);
  assert.deepEqual(pageCacheOf(record, trials)?.fromDiskShare, reason);
});

test('a warm cache is measured and not warned of, and older records have nothing to say', () => {
  const warm = recordOf('warm');
  assert.deepEqual(pageCacheWarnings(warm, [trialWith(warm, 0, little)]), []);
  assert.deepEqual(pageCacheOf(warm, [trialWith(warm, 0, little)]), { asked: 'warm', fromDiskShare: metric(0.25) });
  const old = caseRecord();
  assert.equal(pageCacheOf(old, [trialWith(old, 0, undefined)]), undefined);
});
