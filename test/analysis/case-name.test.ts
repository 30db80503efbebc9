import assert from 'node:assert/strict';
import { test } from 'node:test';

import { caseName, roundTripText } from '../../src/analysis/case-name.ts';
import { summarise } from '../../src/analysis/summarise.ts';
import { metric } from '../../src/model/metric.ts';
import { headline } from '../../src/report/headline.ts';
import { linkTable } from '../../src/report/case-tables.ts';
import { caseRecord, caseSettings, quickTrials, runRecord } from './synthetic-run.ts';

const achieved = { roundTripMs: { median: 0.31, p95: 0.4, samples: 60 }, rateBytesPerSecond: metric(1e9) };

test('below 1 ms the achieved round trip is named, where it is known', () => {
  assert.equal(roundTripText(0.2, achieved), '0.31 ms measured for 0.20 ms asked');
  assert.equal(roundTripText(0, achieved), '0.31 ms measured for 0 ms asked');
  assert.equal(roundTripText(0.2, undefined), '0.20 ms');
  assert.equal(roundTripText(1, achieved), '1 ms');
  const parameters = { 'link.roundTripMs': 0, 'window.inFlight': 4 };
  assert.equal(
    caseName({ parameters, link: { achieved } }),
    'link.roundTrip 0.31 ms measured for 0 ms asked, window.inFlight 4',
  );
  assert.equal(caseName({ parameters: {} }), 'the only case');
});

test('the finding and the link table of a report name it', () => {
  const cases = [40, 0].map((roundTripMs, index) => {
    const settings = caseSettings({
      index,
      parameters: { 'link.roundTripMs': roundTripMs },
      link: { roundTripMs, jitterMs: 0 },
    });
    return caseRecord(settings, index === 0 ? {} : { link: achieved });
  });
  const { report } = summarise({ run: runRecord(cases), trials: cases.flatMap((one) => quickTrials(one)) });
  assert.match(headline(report), /\(link\.roundTrip 40 ms, 0\.31 ms measured for 0 ms asked\)|all 2 cases/u);
  const [first, second] = report.cases;
  assert.ok(first !== undefined && second !== undefined);
  assert.match(linkTable(second).note ?? '', /0\.31 ms measured for 0 ms asked/u);
  assert.equal(linkTable(first).note, undefined);
});

test('the link table has a row for all connections and one for each', () => {
  const link = { roundTripMs: 5, jitterMs: 0, rateBytesPerSecond: 4e8, connectionRateBytesPerSecond: 1e8 };
  const calibrated = { ...achieved, rateBytesPerSecond: metric(3.9e8), connectionRateBytesPerSecond: metric(0.99e8) };
  const record = caseRecord(caseSettings({ link }), { link: calibrated });
  const [one] = summarise({ run: runRecord([record]), trials: [] }).report.cases;
  assert.ok(one !== undefined);
  assert.deepEqual(linkTable(one).rows.slice(2), [
    ['rate to the client, all connections', '400 MB/s', '390 MB/s'],
    ['rate of each connection', '100 MB/s', '99.0 MB/s'],
  ]);
});
