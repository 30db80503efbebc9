import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { readBetween, readFromStorage } from '../../src/metrics/storage-reads.ts';
import { metric, unavailable } from '../../src/model/metric.ts';

describe('what a process has read from storage', () => {
  const proc = mkdtempSync(join(tmpdir(), 'restorelab-proc-'));
  after(() => rmSync(proc, { recursive: true }));

  test('is read_bytes and not what came from the page cache', () => {
    mkdirSync(join(proc, '7'));
    writeFileSync(
      join(proc, '7', 'io'),
      'rchar: 900\nwchar: 0\nsyscr: 1\nsyscw: 0\nread_bytes: 4096\nwrite_bytes: 12\ncancelled_write_bytes: 0\n',
    );
    assert.deepEqual(readFromStorage(7, { proc }), metric(4096));
  });

  test('is unknown, with a reason, where there is no such file or it says something else', () => {
    assert.match(JSON.stringify(readFromStorage(8, { proc })), /unavailable/u);
    mkdirSync(join(proc, '9'));
    writeFileSync(join(proc, '9', 'io'), 'nothing\n');
    assert.match(JSON.stringify(readFromStorage(9, { proc })), /not in the known form/u);
  });

  test('is summed over processes, and unknown if one of them is', () => {
    const gone = unavailable('not running: the process has ended');
    assert.deepEqual(readBetween([metric(10), metric(5)], [metric(30), metric(6)]), metric(21));
    assert.deepEqual(readBetween([metric(10), metric(5)], [metric(30), gone]), gone);
    assert.deepEqual(readBetween([metric(10), gone], [metric(30), metric(5)]), gone);
    assert.match(JSON.stringify(readBetween([metric(10)], [metric(30), metric(5)])), /not sampled/u);
  });
});
