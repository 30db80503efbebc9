import assert from 'node:assert/strict';
import { test } from 'node:test';

import { summarise } from '../../src/analysis/summarise.ts';
import { keyFigures } from '../../src/report/html/key-figures.ts';
import { caseRecord, caseSettings, latencyBound, runRecord, sequential, trial } from '../analysis/synthetic-run.ts';

test('the share of waiting above the charts is the one that the finding names', () => {
  const record = caseRecord(caseSettings({ strategies: [sequential] }));
  // The median of the trials (62 %) is not the share over all their chunks (83 %).
  const trials = [36, 36, 400].map((waiting, block) =>
    trial(record, sequential, block, { lengths: { ...latencyBound, waiting } }),
  );
  const { report } = summarise({ run: runRecord([record]), trials });
  const [, named] = /(\d+ %) of each chunk/u.exec(report.verdict.sentence) ?? [];
  assert.equal(named, '62 %');
  assert.match(keyFigures(report).text, new RegExp(`<b>${named}</b><span>of it waiting`, 'u'));
});
