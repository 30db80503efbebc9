import assert from 'node:assert/strict';
import { test } from 'node:test';

import { summarise } from '../../src/analysis/summarise.ts';
import { html, Markup } from '../../src/report/html/markup.ts';
import { renderReportHtml } from '../../src/report/report-html.ts';
import { renderReportMarkdown } from '../../src/report/report-markdown.ts';
import { renderSummaryCsv } from '../../src/report/summary-csv.ts';
import { renderTerminal } from '../../src/report/terminal.ts';
import { renderUseCsv } from '../../src/report/use-csv.ts';
import { hostileRun } from './hostile-run.ts';

const analysis = summarise(hostileRun());

test('a template escapes every value but markup, and joins lists', () => {
  assert.equal(
    html`<p title="${'"a" & \'b\''}">${['<', new Markup('<b>'), 3]}</p>`.text,
    '<p title="&quot;a&quot; &amp; &#39;b&#39;">&lt;<b>3</p>',
  );
  assert.equal(html`${'\u001B[31m\u0000'}`.text, '\uFFFD[31m\uFFFD');
});

test('hostile names start no element and no script in HTML', () => {
  const page = renderReportHtml(analysis);
  assert.doesNotMatch(page, /<script|<img|onerror=alert\(1\)>/u);
  assert.match(page, /&lt;script&gt;/u);
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(page, /[\u0000-\u0008\u000B-\u001F\u007F]/u);
});

test('nothing in the page comes from elsewhere', () => {
  const page = renderReportHtml(analysis);
  const links = [...page.matchAll(/\b(?:src|href|action|srcset)="([^"]*)"/gu)].map(([, target]) => target);
  assert.ok(links.every((target) => target === 'data:,' || target?.startsWith('#')));
  assert.doesNotMatch(page, /url\(|@import/u);
});

test('hostile names start no markup and no new cell in Markdown', () => {
  const text = renderReportMarkdown(analysis);
  assert.doesNotMatch(text, /<(?:script|img)/u);
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  for (const line of lines) assert.equal(/(?<!\\)\|$/u.test(line), true, line);
  assert.ok(text.includes(String.raw`\|\*\_`));
});

test('hostile names are no formulas in CSV', () => {
  for (const text of [renderSummaryCsv(analysis), renderUseCsv(analysis)]) {
    assert.doesNotMatch(text, /(?:^|,)"?[=+@]/mu);
    assert.match(text, /"'=1\+1""/u);
  }
});

test('hostile names move no cursor in a terminal', () => {
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(renderTerminal(analysis), /[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/u);
});
