import assert from 'node:assert/strict';
import { test } from 'node:test';

import { summarise } from '../../src/analysis/summarise.ts';
import { renderReportJson } from '../../src/report/report-json.ts';
import { reportJsonSchema, reportSchema } from '../../src/report/report-schema.ts';
import { matrixRun, quickRun, runRecord } from '../analysis/synthetic-run.ts';
import { hostileRun } from './hostile-run.ts';

const runs = [quickRun(), matrixRun(), hostileRun(), { ...quickRun(), trials: [] }, { run: runRecord([]), trials: [] }];

test('report.json of every kind of run holds to its schema and keeps every field', () => {
  for (const run of runs) {
    const written: unknown = JSON.parse(renderReportJson(summarise(run)));
    assert.deepEqual(reportSchema.parse(written), written);
  }
});

test('a report without its verdict, or with a metric that is neither, is refused', () => {
  const { report } = summarise(quickRun());
  const { verdict: _verdict, ...rest } = report;
  assert.equal(reportSchema.safeParse(rest).success, false);
  assert.equal(reportSchema.safeParse({ ...report, emulatorCeilingBytesPerSecond: 0 }).success, false);
  assert.equal(reportSchema.safeParse({ ...report, emulatorCeilingBytesPerSecond: { value: null } }).success, false);
});

test('fields that a later version adds are let through', () => {
  const { report } = summarise(quickRun());
  assert.equal(reportSchema.safeParse({ ...report, prediction: { bytesPerSecond: 1 } }).success, true);
});

test('the JSON Schema names its dialect and demands the outline', () => {
  const schema = JSON.parse(reportJsonSchema()) as { readonly $schema: string; readonly required: readonly string[] };
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
  for (const field of ['formatVersion', 'verdict', 'cases', 'use', 'objectives', 'warnings']) {
    assert.ok(schema.required.includes(field), field);
  }
});
