import assert from 'node:assert/strict';
import { test } from 'node:test';

import { summarise } from '../../src/analysis/summarise.ts';
import { evidenceTable } from '../../src/report/case-tables.ts';
import { renderReportHtml } from '../../src/report/report-html.ts';
import { renderReportMarkdown } from '../../src/report/report-markdown.ts';
import { trialsTable } from '../../src/report/run-tables.ts';
import type { RunData } from '../../src/model/records.ts';
import { realRun, realServer } from '../analysis/real-run.ts';
import { quickRun } from '../analysis/synthetic-run.ts';

const pages = (data: RunData): readonly string[] =>
  [renderReportMarkdown, renderReportHtml].map((render) => render(summarise(data)));

test('nothing is called equal to an original that nobody has', () => {
  for (const page of pages(realRun())) {
    assert.doesNotMatch(page, /original/u);
    assert.match(page, /completed, every chunk proven to have the digest of its slot in the index, no warm-up/u);
  }
  const proofs = trialsTable(summarise(realRun()).report).rows.map((row) => row.at(-1));
  assert.deepEqual([...new Set(proofs)], ['every chunk had the digest of its slot in the index']);
  const [wrong] = trialsTable(summarise(realRun({}, { changes: { verified: false } })).report).rows;
  assert.equal(wrong?.at(-1), 'NOT every chunk had the digest of its slot in the index');
  const [markdown = ''] = pages(realRun({ server: { ...realServer, proof: 'reference' } }));
  assert.match(markdown, /proven equal to what one reading before the first trial found/u);
});

test('evidence that was not measured is neither met nor missed', () => {
  const [one] = summarise(realRun()).report.cases;
  assert.ok(one !== undefined);
  const { rows } = evidenceTable(one);
  const unknown = rows.filter(([, measured]) => measured?.startsWith('unknown'));
  assert.ok(unknown.length > 0 && unknown.length < rows.length);
  for (const row of rows) assert.equal(row.at(-1) === '-', unknown.includes(row), row[0]);
});

test('a report has the server that was real and no link that was not emulated', () => {
  for (const page of pages(realRun())) {
    assert.doesNotMatch(page, /Link: asked and achieved/u);
    assert.match(page, /bench@pbs@pbs\.example:tank/u);
  }
  for (const page of pages(quickRun())) assert.match(page, /Link: asked and achieved/u);
});
