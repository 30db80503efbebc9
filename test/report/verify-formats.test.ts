import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { analyseVerify, type VerifyAnalysis } from '../../src/analysis/summarise-verify.ts';
import { metricValue } from '../../src/model/metric.ts';
import type { VerifyProblem, VerifyRecord } from '../../src/model/verify.ts';
import { reportFormats } from '../../src/report/report-formats.ts';
import { verifyFormats } from '../../src/report/verify/verify-formats.ts';
import { verifyReportJsonSchema, verifyReportSchema } from '../../src/report/verify/verify-report-schema.ts';
import { verifyOf } from '../analysis/synthetic-verify.ts';
import { hostileVerify } from './hostile-verify.ts';

const sound = verifyOf({ cpuMs: 600 });
const missing: VerifyProblem = {
  code: 'chunk-missing',
  problem: 'the chunk is missing',
  file: '.chunks/abcd/abcdef',
  affects: ['vm/1/2026-01-01T00:00:00Z/drive-a.img.fidx', 'vm/1/2026-01-02T00:00:00Z/drive-a.img.fidx'],
};
const damaged: VerifyRecord = { ...sound, problems: [missing, { ...missing, file: '.chunks/1234/123456' }] };
const { spans: _, ...blind } = sound;

const analyses: Readonly<Record<string, VerifyAnalysis>> = {
  sound: analyseVerify({ record: sound }),
  damaged: analyseVerify({ record: damaged }),
  interrupted: analyseVerify({ record: verifyOf({ status: 'interrupted' }) }),
  'without chunks': analyseVerify({ record: verifyOf({ chunks: 0 }) }),
  'without chunk times': analyseVerify({ record: blind }),
  hostile: analyseVerify({ record: hostileVerify() }),
};

const withoutStyle = (text: string): string => text.replaceAll(/<style>[\s\S]*?<\/style>/gu, '');

function render(format: string, record: VerifyRecord): string {
  return withoutStyle(verifyFormats[format]?.render(analyseVerify({ record })) ?? '');
}

describe('the reports of a verify', () => {
  for (const [name, analysis] of Object.entries(analyses)) {
    for (const [format, { render: renderFormat }] of Object.entries(verifyFormats)) {
      test(`${format} of a verify (${name}) shows no hole where a value is missing`, () => {
        const text = withoutStyle(renderFormat(analysis));
        assert.doesNotMatch(text, /\b(?:NaN|undefined|Infinity|\[object)\b/u);
        assert.equal(text.endsWith('\n'), true);
      });
    }
  }

  test('hold to the JSON Schema, which demands what was found', () => {
    for (const analysis of Object.values(analyses)) {
      const written: unknown = JSON.parse(verifyFormats['json']?.render(analysis) ?? '');
      assert.deepEqual(verifyReportSchema.parse(written), written);
    }
    const { problems: _problems, ...without } = analyseVerify({ record: sound }).report;
    assert.equal(verifyReportSchema.safeParse(without).success, false);
    const { required } = JSON.parse(verifyReportJsonSchema()) as { readonly required: readonly string[] };
    for (const field of ['formatVersion', 'mode', 'verdict', 'problems', 'use']) assert.ok(required.includes(field));
  });

  test('have the names and files of a run', () => {
    const files = (formats: object): unknown =>
      Object.entries(formats).map(([name, { file }]: readonly [string, { file: string }]) => [name, file]);
    assert.deepEqual(files(verifyFormats), files(reportFormats));
  });

  test('name damage before speed, with what it affects', () => {
    for (const format of ['markdown', 'html']) {
      const text = render(format, damaged);
      const { sentence } = analyseVerify({ record: damaged }).report.verdict;
      const places = [
        '2 problems were found; 2 archives cannot be restored whole because of them.',
        missing.file,
        missing.affects[1] ?? '',
        sentence,
      ].map((part) => text.indexOf(part));
      assert.ok(!places.includes(-1), `${format}: ${places.join(' ')}`);
      assert.deepEqual(
        places,
        places.toSorted((a, b) => a - b),
        format,
      );
      assert.doesNotMatch(render(format, sound), />Damage<|## Damage/u);
    }
  });

  test('draw a row for each of the first chunks, with the phases that a verify has', () => {
    const page = render('html', sound);
    assert.equal(page.match(/<title>chunk: 18(?:\.0)? ms/gu)?.length, 60);
    assert.match(page, /first 60 of 100 chunks</u);
    assert.match(page, /checking 17 %/u);
    assert.doesNotMatch(page, /writing|held for/u);
    assert.match(render('html', blind), /No waterfall/u);
  });

  test('have the figures of report.json in CSV', () => {
    const { report } = analyseVerify({ record: sound });
    const text = render('summary-csv', sound);
    assert.ok(!text.includes('"'), 'no cell of it is quoted, so that commas part cells');
    const [names = [], values = [], ...others] = text
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
    assert.deepEqual([values.length, others], [names.length, []]);
    const cell = (name: string): string | undefined => values[names.indexOf(name)];
    assert.equal(Number(cell('uniqueBytesPerSecond')), metricValue(report.throughput.unique));
    assert.equal(Number(cell('phaseShare.waiting')), report.phaseShares.waiting);
    assert.equal(cell('verdict'), report.verdict.code);
    const [header, ...rows] = render('use-csv', sound).trimEnd().split('\n');
    assert.equal(header, 'case,strategy,resource,utilization,saturation,saturationUnit,errors,method');
    assert.equal(rows.length, report.use.length);
    const [readers] = report.use;
    assert.ok(readers !== undefined);
    assert.ok(rows[0]?.startsWith(`0,verify,read threads,${metricValue(readers.utilization)},`), rows[0]);
  });

  test('start no element, cell or formula from the names in a datastore', () => {
    const page = render('html', hostileVerify());
    assert.doesNotMatch(page, /<script|<img/u);
    const links = [...page.matchAll(/\b(?:src|href|action|srcset)="([^"]*)"/gu)].map(([, target]) => target);
    assert.deepEqual(links, ['data:,']);
    const text = render('markdown', hostileVerify());
    assert.doesNotMatch(text, /<(?:script|img)/u);
    assert.ok(text.includes(String.raw`\|\*\_`));
    assert.doesNotMatch(render('summary-csv', hostileVerify()), /(?:^|,)"?[=+@]/mu);
  });
});
