import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { summarise } from '../../src/analysis/summarise.ts';
import { readRun } from '../../src/harness/read-run.ts';
import { RunDirectory } from '../../src/harness/run-directory.ts';
import { profileFormatVersion, type ProfileRecord } from '../../src/model/profile.ts';
import { renderReportHtml } from '../../src/report/report-html.ts';
import { renderReportJson } from '../../src/report/report-json.ts';
import { renderReportMarkdown } from '../../src/report/report-markdown.ts';
import { reportSchema } from '../../src/report/report-schema.ts';
import { renderTerminal } from '../../src/report/terminal.ts';
import { quickRun } from '../analysis/synthetic-run.ts';
import { hostile } from './hostile-run.ts';

const profile: ProfileRecord = {
  formatVersion: profileFormatVersion,
  tool: { name: '0x', version: '6.0.0' },
  process: 'client',
  strategy: 'sequential',
  covers: 'The main thread only.',
  files: [{ path: 'profile/flame graph.html', what: 'flame graph' }],
  hotFunctions: [
    { thread: 'main', name: 'update', caller: 'decodeChunk (src/decode/decode-chunk.ts:23)', selfShare: 0.25 },
    { thread: 'main', name: 'decodeChunk', location: 'src/decode/decode-chunk.ts:23', selfShare: 0.125 },
  ],
  verdict: 'Clinic detected a potential Event Loop issue.',
};

test('every format names what a profiler found, links its pages and marks the speeds', () => {
  const analysis = summarise({ ...quickRun(), profile });
  const terminal = renderTerminal(analysis);
  assert.match(terminal, /^Under 0x, speeds not comparable: /u);
  assert.match(terminal, /^25 % {2}update +native, for decodeChunk \(src\/decode\/decode-chunk\.ts:23\) +main$/mu);
  const markdown = renderReportMarkdown(analysis);
  assert.match(markdown, /\[profile\/flame graph\.html\]\(profile\/flame%20graph\.html\)/u);
  assert.match(markdown, /\| 25 % \| update \| native, for decodeChunk/u);
  const page = renderReportHtml(analysis);
  assert.ok(page.includes('href="profile/flame%20graph.html"'));
  for (const text of [markdown, page]) assert.ok(text.includes('Clinic detected a potential Event Loop issue.'));
  const report = reportSchema.parse(JSON.parse(renderReportJson(analysis)));
  assert.deepEqual(report.profile?.hotFunctions, profile.hotFunctions);
  assert.deepEqual(report.profile?.files, profile.files);
});

test('a profile without functions says why, and names cannot become markup', () => {
  const odd = {
    ...profile,
    files: [{ path: `profile/${hostile}`, what: hostile }],
    hotFunctions: { unavailable: `not sampled: ${hostile}` },
    verdict: hostile,
  };
  const analysis = summarise({ ...quickRun(), profile: odd });
  const page = renderReportHtml(analysis);
  assert.ok(page.includes('unknown: not sampled: '));
  assert.ok(!/<script|<img/u.test(page));
  assert.ok(!/<script|<img/u.test(renderReportMarkdown(analysis)));
  // oxlint-disable-next-line no-control-regex
  assert.ok(!/[\u0007\u001B]/u.test(renderTerminal(analysis)));
});

test('a profile is read with its run; a newer one is refused, a damaged one named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'restorelab-profile-'));
  try {
    const directory = await RunDirectory.create(folder, 'profiled', new Date(0));
    const { run } = quickRun();
    await directory.writeRun(run);
    assert.equal((await readRun(directory.path)).profile, undefined);
    await mkdir(join(directory.path, 'profile'));
    const file = join(directory.path, 'profile', 'profile.json');
    await writeFile(file, JSON.stringify(profile));
    assert.deepEqual((await readRun(directory.path)).profile, profile);
    await writeFile(file, JSON.stringify({ ...profile, formatVersion: profileFormatVersion + 1 }));
    await assert.rejects(readRun(directory.path), { code: 'record-too-new' });
    await writeFile(file, JSON.stringify({ ...profile, process: 'nobody' }));
    await assert.rejects(readRun(directory.path), { code: 'record-damaged' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
