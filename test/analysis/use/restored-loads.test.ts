import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { useTable } from '../../../src/analysis/use/use-table.ts';
import { metricValue } from '../../../src/model/metric.ts';
import type { RunData } from '../../../src/model/records.ts';
import { Workbench } from '../../e2e/workbench.ts';
import { rowOf } from './planted-trial.ts';

/**
 * Real restores, each with a load planted in one part of the client; the cell of that part must move between two trials
 * of the same run. Only trials are compared with one another: this machine may be busy.
 */
describe('a load planted in a real restore moves its cell', () => {
  let bench: Workbench;
  let data: RunData;

  before(async () => {
    bench = await Workbench.open();
    const file = await bench.scenario('planted', [
      'image: { size: 48 MiB, zeroShare: 0 %, compressionRatio: 6 }',
      'storage: { readLatency: 30 ms, queueDepth: 2 }',
      'strategies:',
      '  - { name: window-unordered, label: on-main-thread, inFlight: 16, decodeThreads: 0 }',
      '  - { name: window-unordered, label: on-threads, inFlight: 16, decodeThreads: 2 }',
      '  - { name: window-unordered, label: narrow, inFlight: 2, decodeThreads: 2 }',
      'trials: { repeats: 1, warmUp: 0 }',
      'matrix:',
      '  target: [ { kind: discard }, { kind: throttled, rate: 80 MB/s } ]',
      '  image.size: [ 48 MiB, 4 MiB ]',
    ]);
    ({ data } = await bench.run(file));
    for (const { status, error } of data.trials) assert.equal(status, 'completed', error?.message);
  });
  after(async () => await bench[Symbol.asyncDispose]());

  /** Utilization of a resource while one strategy ran in the case of this target and size. */
  function used(resource: string, strategy: string, { kind = 'discard', chunks = 12 } = {}): number {
    const settings = data.run.cases
      .map((one) => one.settings)
      .find(({ target, image }) => target.kind === kind && image.sizeBytes === chunks * 4 * 1024 ** 2);
    assert.ok(settings !== undefined);
    const rows = useTable({ ...data, host: data.run.host, settings }, strategy);
    const share = metricValue(rowOf(rows, resource).utilization);
    assert.ok(share !== undefined, `${resource} of ${strategy} is unknown`);
    return share;
  }

  test('event loop: decoding on the main thread keeps it busy', () => {
    const kind = 'throttled';
    const main = used('event loop', 'on-main-thread', { kind });
    // The quieter of two, as other work on the machine only adds.
    const threads = Math.min(used('event loop', 'on-threads', { kind }), used('event loop', 'narrow', { kind }));
    assert.ok(main > 1.2 * threads, `${main} and ${threads}`);
  });

  test('fetch slots: slow storage fills the few of a narrow window, and not those of a wide one', () => {
    const [narrow, wide] = [used('fetch slots', 'narrow'), used('fetch slots', 'on-threads')];
    assert.ok(narrow > 1.2 * wide && narrow > 0.6, `${narrow} and ${wide}`);
  });

  test('writer: a throttled target keeps it busy', () => {
    const [slow, fast] = [used('writer', 'on-threads', { kind: 'throttled' }), used('writer', 'on-threads')];
    assert.ok(slow > 1.2 * fast && slow > 0.5, `${slow} and ${fast}`);
  });

  test('http/2 window: many chunks in flight use more of it than one does', () => {
    const [many, one] = [used('http/2 window', 'on-threads'), used('http/2 window', 'on-threads', { chunks: 1 })];
    assert.ok(many > 1.2 * one && one > 0, `${many} and ${one}`);
  });
});
