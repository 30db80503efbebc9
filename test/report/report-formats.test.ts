import assert from 'node:assert/strict';
import { test } from 'node:test';

import { summarise, type Analysis } from '../../src/analysis/summarise.ts';
import { reportFormats } from '../../src/report/report-formats.ts';
import { renderTerminal } from '../../src/report/terminal.ts';
import { caseRecord, matrixRun, quickRun, runRecord, sequential, trial } from '../analysis/synthetic-run.ts';
import { hostileRun } from './hostile-run.ts';

const record = caseRecord();
const failure = {
  status: 'failed',
  verified: false,
  error: { code: 'stalled', message: 'no chunk for 30 s' },
} as const;
const runs: Readonly<Record<string, Analysis>> = {
  one: summarise(quickRun()),
  several: summarise(matrixRun()),
  'without trials': summarise({ ...quickRun(), trials: [] }),
  'without cases': summarise({ run: runRecord([]), trials: [] }),
  failed: summarise({ run: runRecord([record]), trials: [trial(record, sequential, 0, { changes: failure })] }),
  hostile: summarise(hostileRun()),
};

for (const [runName, analysis] of Object.entries(runs)) {
  for (const [name, format] of Object.entries(reportFormats)) {
    test(`${name} of a run (${runName}) shows no hole where a value is missing`, () => {
      const text = format.render(analysis).replaceAll(/<style>[\s\S]*?<\/style>/gu, '');
      assert.doesNotMatch(text, /\b(?:NaN|undefined|Infinity|\[object)\b/u);
      assert.equal(text.endsWith('\n'), true);
    });
  }

  test(`the terminal text of a run (${runName}) shows no hole and starts with the finding`, () => {
    const text = renderTerminal(analysis);
    assert.doesNotMatch(text, /\b(?:NaN|undefined|Infinity|\[object)\b/u);
    assert.match(text.split('\n')[0] ?? '', /\.$/u);
  });
}

test('every format has a file of its own', () => {
  const files = Object.values(reportFormats).map(({ file }) => file);
  assert.deepEqual(files, ['report.json', 'report.html', 'report.md', 'summary.csv', 'use.csv']);
});

test('the finding is the first line of what people read', () => {
  const { sentence } = summarise(quickRun()).report.verdict;
  assert.equal(reportFormats['markdown']?.render(summarise(quickRun())).split('\n')[0], `**${sentence}**`);
  assert.equal(renderTerminal(summarise(quickRun())).split('\n')[0], sentence);
});
