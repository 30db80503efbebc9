import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { metricValue } from '../../src/model/metric.ts';
import { Workbench } from './workbench.ts';

await describe('a run against several server processes', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  test('restores over all of them through one link, and charges all of them to the server', async () => {
    const rate = 100_000_000;
    const file = await bench.scenario('processes', [
      'link: { rate: 100 MB/s }',
      'strategies: [ { name: multi-connection, connections: 2, inFlight: 8, decodeThreads: 1 } ]',
      'trials: { repeats: 1, warmUp: 0 }',
      'matrix: { server.processes: [1, 2] }',
    ]);
    const { data, report } = await bench.run(file);
    for (const { case: caseIndex, verified, error, counters, spans, durationMs = 0, bytes } of data.trials) {
      assert.equal(verified, true, JSON.stringify(error));
      assert.ok(counters !== undefined && !('unavailable' in counters.storage));
      assert.equal(counters.storage.reads, data.run.cases[caseIndex]?.image?.uniqueChunkCount);
      assert.ok((metricValue(counters.server.cpuMs) ?? 0) > 0);
      assert.deepEqual(new Set(spans?.connection.filter((connection) => connection !== null)), new Set([0, 1]));
      // The rate is that of the whole link, whichever port bytes come through.
      assert.ok(durationMs >= (0.9 * 1000 * (bytes?.wire ?? 0)) / rate, `${durationMs} ms for ${bytes?.wire} bytes`);
    }
    const [first, second] = report.cases;
    assert.deepEqual([first?.parameters, second?.parameters], [{ 'server.processes': 1 }, { 'server.processes': 2 }]);
    const resources = second?.use.map(({ resource }) => resource) ?? [];
    if (resources.includes('server connections')) {
      for (const resource of ['link connections', 'server 2 connections', 'link 2 connections'])
        assert.ok(resources.includes(resource), resource);
    }
  });
});
