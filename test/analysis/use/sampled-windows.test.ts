import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { SampledWindows } from '../../../src/analysis/use/sampled-windows.ts';
import { metric } from '../../../src/model/metric.ts';
import type { SampleTable } from '../../../src/model/records.ts';

const tableOf = (rows: SampleTable['rows'], unavailable: SampleTable['unavailable'] = {}): SampleTable => ({
  formatVersion: 1,
  intervalMs: 100,
  columns: [
    { name: 'timeMs', kind: 'gauge' },
    { name: 'disk.sda.busyMs', kind: 'counter' },
  ],
  unavailable,
  rows,
});

test('interpolates a counter at both ends of a window', () => {
  const table = tableOf([
    [0, 0],
    [100, 50],
    [200, 50],
    [300, 250],
  ]);
  const windows = new SampledWindows(table, [{ start: 50, end: 250 }]);
  assert.deepEqual(windows.growth('disk.sda.busyMs'), { amount: 125, elapsedMs: 200 });
  assert.deepEqual(windows.levels('disk.sda.busyMs'), [50, 50]);
});

test('uses only the part of a window that readings cover, and passes over missing ones', () => {
  const table = tableOf([
    [100, 10],
    [200, null],
    [300, 30],
  ]);
  const windows = new SampledWindows(table, [{ start: 0, end: 200 }]);
  assert.deepEqual(windows.growth('disk.sda.busyMs'), { amount: 10, elapsedMs: 100 });
});

test('a window without a sample inside is left out', () => {
  const windows = new SampledWindows(
    tableOf([
      [0, 0],
      [100, 50],
    ]),
    [{ start: 20, end: 80 }],
  );
  assert.equal(windows.growth('disk.sda.busyMs'), undefined);
  assert.deepEqual(windows.rate('disk.sda.busyMs'), {
    unavailable: 'not sampled: too few samples fell into the measured trials',
  });
});

test('finds the reason of a column or of the group it would be in', () => {
  const windows = new SampledWindows(tableOf([], { disk: 'not permitted: diskstats', 'tcp.timeouts': 'gone' }), []);
  assert.deepEqual(windows.count('disk.sdb.readBytes'), { unavailable: 'not permitted: diskstats' });
  assert.deepEqual(windows.count('tcp.timeouts'), { unavailable: 'gone' });
  assert.deepEqual(windows.count('tcp.retransmits'), { unavailable: 'not sampled: no column tcp.retransmits' });
});

test('the busiest of some counters is found in every interval anew', () => {
  const table: SampleTable = {
    ...tableOf([
      [0, 0, 0],
      [100, 100, 0],
      [200, 100, 100],
    ]),
    columns: ['timeMs', 'core.0.busyMs', 'core.1.busyMs'].map((name) => ({ name, kind: 'counter' })),
  };
  const windows = new SampledWindows(table, [{ start: 0, end: 200 }]);
  assert.deepEqual(windows.meanOfLargestRate(['core.0.busyMs', 'core.1.busyMs']), metric(1));
  assert.deepEqual(windows.rate('core.0.busyMs'), metric(0.5));
});

test('what two adjoining windows grew by is what both together did', () => {
  const steps = fc.array(fc.nat(1000), { minLength: 3, maxLength: 20 });
  fc.assert(
    fc.property(steps, fc.double({ min: 0.1, max: 0.9, noNaN: true }), (growths, share) => {
      let total = 0;
      const rows = growths.map((growth, index) => [index * 100, (total += growth)] as const);
      const end = (growths.length - 1) * 100;
      const middle = end * share;
      const growth = (...windows: { start: number; end: number }[]): number =>
        windows.reduce(
          (sum, window) => sum + (new SampledWindows(tableOf(rows), [window]).growth('disk.sda.busyMs')?.amount ?? 0),
          0,
        );
      const parts = growth({ start: 0, end: middle }, { start: middle, end });
      assert.ok(Math.abs(parts - growth({ start: 0, end })) < 1e-6);
    }),
  );
});

test('events are counted whole, and none is rounded away', () => {
  const table = tableOf([
    [0, 0],
    [100, 1],
    [200, 1],
    [300, 20],
  ]);
  const count = (start: number, end: number): unknown =>
    new SampledWindows(table, [{ start, end }]).count('disk.sda.busyMs');
  assert.deepEqual(count(70, 170), metric(1));
  assert.deepEqual(count(150, 275), metric(15));
  assert.deepEqual(count(0, 300), metric(20));
  assert.deepEqual(count(110, 210), metric(2));
  assert.deepEqual(count(100, 200), metric(0));
});
