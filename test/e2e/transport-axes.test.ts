import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Workbench } from './workbench.ts';

test('windows and the share at which they are given back are axes of a scenario, and every image is whole', async () => {
  await using bench = await Workbench.open();
  const file = await bench.scenario('transport-axes', [
    'image: { size: 16 MiB, zeroShare: 0 %, compressionRatio: 1.5 }',
    'transport: { name: h2, connectionWindow: 128 KiB }',
    'strategies: [ { name: window-unordered, inFlight: 4, decodeThreads: 1 } ]',
    'trials: { repeats: 1, warmUp: 0 }',
    'matrix: { transport.streamWindow: [20 KiB, 1 MiB], transport.updateThreshold: [10 %, 90 %] }',
  ]);
  const { data, report } = await bench.run(file);
  assert.deepEqual(
    data.run.cases.map(({ settings: { transport } }) => [
      transport?.streamWindowBytes,
      transport?.connectionWindowBytes,
      transport?.updateThreshold,
    ]),
    [
      [20 * 1024, 128 * 1024, 0.1],
      [20 * 1024, 128 * 1024, 0.9],
      [1024 * 1024, 128 * 1024, 0.1],
      [1024 * 1024, 128 * 1024, 0.9],
    ],
  );
  assert.deepEqual(
    data.trials.map(({ verified, error }) => [verified, error]),
    Array.from({ length: 4 }, () => [true, undefined]),
  );
  assert.deepEqual(
    report.cases.map(({ parameters }) => Object.keys(parameters)),
    Array.from({ length: 4 }, () => ['transport.streamWindowBytes', 'transport.updateThreshold']),
  );
});
