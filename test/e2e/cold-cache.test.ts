import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { metricValue } from '../../src/model/metric.ts';
import { Workbench } from './workbench.ts';

await describe('a run with a cold page cache', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  const lines = [
    'storage: { cache: cold }',
    'strategies: [ { name: window-unordered, inFlight: 4, decodeThreads: 1 } ]',
    'trials: { repeats: 2, warmUp: 0 }',
  ];

  test('reads chunks from disk, or says that it did not', async () => {
    const { data, report } = await bench.run(await bench.scenario('cold', lines));
    const stored = data.run.cases[0]?.image?.storedBytes ?? 0;
    let coldTrials = 0;
    for (const { verified, counters, pageCache, error } of data.trials) {
      assert.equal(verified, true, JSON.stringify(error));
      assert.ok(pageCache !== undefined);
      const storage = counters?.storage;
      assert.ok(storage !== undefined && !('unavailable' in storage));
      const fromDisk = storage.bytesFromDisk === undefined ? undefined : metricValue(storage.bytesFromDisk);
      if (fromDisk !== undefined && fromDisk >= 0.9 * stored) coldTrials += 1;
    }
    const isWarned = report.warnings.some(({ code }) => code.startsWith('cache-'));
    assert.equal(isWarned, coldTrials < data.trials.length);
    assert.equal(report.cases[0]?.pageCache?.asked, 'cold');
  });

  test(
    'is not called cold on a file system in memory',
    { skip: existsSync('/dev/shm') ? false : 'no tmpfs' },
    async () => {
      const inMemory = join('/dev/shm', `restorelab-cold-${process.pid}`);
      await mkdir(inMemory);
      const { env } = bench;
      const cacheHome = env['XDG_CACHE_HOME'] ?? '';
      try {
        env['XDG_CACHE_HOME'] = inMemory;
        const result = await bench.command(['run', await bench.scenario('tmpfs', lines), '--json']);
        assert.match(result.stdout, /"cache-(?:not-cold|unproven)"/u);
      } finally {
        env['XDG_CACHE_HOME'] = cacheHome;
        await rm(inMemory, { recursive: true });
      }
    },
  );
});
