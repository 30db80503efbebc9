import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Workbench } from './workbench.ts';

await describe('a run with synthesised chunks', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  test('restores and proves an image whose chunks repeat, and says that they do', async () => {
    const file = await bench.scenario('synthesised', [
      'server: { kind: embedded, chunks: synthesised }',
      'image: { size: 301 MiB, zeroShare: 10 %, compressionRatio: 4 }',
      'storage: { readLatency: 1 ms }',
      'strategies: [ { name: window-unordered, decodeThreads: 2 } ]',
      'trials: { repeats: 1, warmUp: 0 }',
    ]);
    const { data, report } = await bench.run(file);
    for (const { verified, bytes, counters, error } of data.trials) {
      assert.equal(verified, true, JSON.stringify(error));
      assert.ok((bytes?.unique ?? 0) <= 33 * 4 * 1024 ** 2 && (bytes?.data ?? 0) > 250 * 1024 ** 2);
      const storage = counters?.storage;
      assert.ok(storage !== undefined && 'reads' in storage);
      assert.equal(storage.reads, 68, 'every request goes through the emulated disk');
    }
    assert.ok(report.warnings.some(({ code }) => code === 'repeats-inflate-data-rate'));
    const [strategy] = report.cases[0]?.strategies ?? [];
    const { data: dataRate, unique } = strategy?.throughput ?? {};
    assert.ok((unique?.medianBytesPerSecond ?? Infinity) < (dataRate?.medianBytesPerSecond ?? 0) / 1.9);
    assert.equal(report.cases[0]?.image?.chunks, 'synthesised');
  });
});
