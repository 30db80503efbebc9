// Exact texts. After a wanted change: node --test --test-update-snapshots test/report/snapshots.test.ts
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

import { summarise as summariseAll, type Analysis } from '../../src/analysis/summarise.ts';
import { renderReportMarkdown } from '../../src/report/report-markdown.ts';
import { renderSummaryCsv } from '../../src/report/summary-csv.ts';
import { renderTerminal } from '../../src/report/terminal.ts';
import { renderUseCsv } from '../../src/report/use-csv.ts';
import type { UseRow } from '../../src/model/metric.ts';
import type { RunData } from '../../src/model/records.ts';
import { matrixRun, quickRun } from '../analysis/synthetic-run.ts';

const serializers = [String];

/** One row that is known, one that is half known, one of which nothing is; the real rows have tests of their own. */
const use: readonly UseRow[] = [
  {
    resource: 'client cpu',
    utilization: { value: 0.15 },
    saturation: { value: 0.02 },
    saturationUnit: 'share of time',
    errors: { value: 0 },
    method: 'schedstat',
  },
  {
    resource: 'disk vda',
    utilization: { value: 0.5 },
    saturation: { value: 4_194_304 },
    saturationUnit: 'bytes waiting',
    errors: { unavailable: 'unsupported: no counter' },
  },
  {
    resource: 'tcp',
    utilization: { unavailable: 'not sampled' },
    saturation: { unavailable: 'not sampled' },
    errors: { unavailable: 'not sampled' },
  },
];

function summarise(run: RunData): Analysis {
  const { report, waterfalls } = summariseAll(run);
  const cases = report.cases.map((one) => Object.assign({}, one, { use }));
  return { report: { ...report, cases, use }, waterfalls };
}

function compareFile(context: TestContext, text: string, name: string): void {
  context.assert.fileSnapshot(text, fileURLToPath(new URL(`snapshots/${name}`, import.meta.url)), { serializers });
}

test('Markdown of one case', (context) => {
  compareFile(context, renderReportMarkdown(summarise(quickRun())), 'one-case.md');
});

test('Markdown of a matrix', (context) => {
  compareFile(context, renderReportMarkdown(summarise(matrixRun())), 'matrix.md');
});

test('summary.csv of a matrix', (context) => {
  compareFile(context, renderSummaryCsv(summarise(matrixRun())), 'matrix-summary.csv');
});

test('use.csv of one case', (context) => {
  compareFile(context, renderUseCsv(summarise(quickRun())), 'one-case-use.csv');
});

test('terminal text of one case, wide and narrow', (context) => {
  const analysis = summarise(quickRun());
  const text = [160, 100, 60].map((width) => `== ${width} columns\n${renderTerminal(analysis, { width })}`).join('\n');
  compareFile(context, text, 'one-case.txt');
});

test('terminal text of a matrix, with the colours named', (context) => {
  const mark = (name: string) => (text: string) => `<${name}>${text}</${name}>`;
  const style = {
    bold: mark('bold'),
    dim: mark('dim'),
    green: mark('green'),
    red: mark('red'),
    yellow: mark('yellow'),
  };
  const objectives = [
    {
      text: 'window-unordered.throughput.data >= 2.5 * sequential.throughput.data',
      left: { kind: 'metric', factor: 1, label: 'window-unordered', metric: 'throughput.data' },
      comparator: '>=',
      right: { kind: 'metric', factor: 2.5, label: 'sequential', metric: 'throughput.data' },
    },
    {
      text: 'sequential.chunkLatency.p99 < 50 ms',
      left: { kind: 'metric', factor: 1, label: 'sequential', metric: 'chunkLatency.p99' },
      comparator: '<',
      right: { kind: 'quantity', value: 50, unit: 'ms' },
    },
  ] as const;
  compareFile(context, renderTerminal(summarise(matrixRun({ objectives })), { style, width: 120 }), 'matrix.txt');
});
