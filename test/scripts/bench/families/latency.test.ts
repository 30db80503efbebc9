import assert from 'node:assert/strict';
import { test } from 'node:test';

import { latencyFamily } from '../../../../scripts/bench/families/latency.ts';
import { measuredRatios } from '../../../../scripts/bench/outcome.ts';
import { select } from '../../../../scripts/bench/selection.ts';

/** What a line of 100 ms gives where windows alone decide, up to a ceiling in MB/s. */
function judgedWith(ceiling: number): Map<string, boolean | undefined> {
  const [selection] = select([latencyFamily({ folder: '' })], []);
  assert.ok(selection !== undefined);
  const rate = (window: number): number => Math.min(ceiling, (window * 4.194304) / 0.11);
  const block = new Map([
    ['latency-chunk-time', 10],
    ['latency-ceiling', ceiling],
    ...[1, 2, 4, 8, 16].map((window) => [`latency-window-${window}`, rate(window)] as const),
  ]);
  return new Map(
    measuredRatios({ selection, blocks: [block] }).map(({ name, met, judged }) => [
      name,
      judged === false ? undefined : met,
    ]),
  );
}

test('windows are judged up to 80 % of the ceiling, and 1 to 4 must lie below it', () => {
  const fast = judgedWith(500);
  assert.deepEqual(
    [...fast],
    [
      ['latency-window-1-over-prediction', true],
      ['latency-window-2-over-prediction', true],
      ['latency-window-4-over-prediction', true],
      ['latency-window-8-over-prediction', true],
      ['latency-window-16-over-prediction', undefined],
      ['latency-prediction-4-over-ceiling', true],
    ],
  );
  const slow = judgedWith(100);
  assert.equal(slow.get('latency-window-2-over-prediction'), true);
  assert.equal(slow.get('latency-window-4-over-prediction'), undefined);
  assert.equal(slow.get('latency-prediction-4-over-ceiling'), false);
});
