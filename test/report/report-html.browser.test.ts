import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { analyseVerify } from '../../src/analysis/summarise-verify.ts';
import { summarise } from '../../src/analysis/summarise.ts';
import { renderReportHtml } from '../../src/report/report-html.ts';
import { renderVerifyHtml } from '../../src/report/verify/verify-html.ts';
import { matrixRun, quickRun } from '../analysis/synthetic-run.ts';
import { verifyOf } from '../analysis/synthetic-verify.ts';
import { launchBrowser } from '../browser.ts';
import { hostileRun } from './hostile-run.ts';
import { hostileVerify } from './hostile-verify.ts';

test(
  'the page opens without errors or requests and does not scroll sideways on a phone',
  { timeout: 60_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'restorelab-report-'));
    const browser = await launchBrowser();
    try {
      const pages = {
        one: renderReportHtml(summarise(quickRun())),
        matrix: renderReportHtml(summarise(matrixRun())),
        hostile: renderReportHtml(summarise(hostileRun())),
        verify: renderVerifyHtml(analyseVerify({ record: verifyOf({}) })),
        'hostile verify': renderVerifyHtml(analyseVerify({ record: hostileVerify() })),
      };
      for (const [name, text] of Object.entries(pages)) {
        const file = join(folder, `${name}.html`);
        await writeFile(file, text);
        const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
        const complaints: string[] = [];
        const requests: string[] = [];
        page.on('console', (message) => complaints.push(message.text()));
        page.on('pageerror', (error) => complaints.push(error.message));
        page.on('dialog', (dialog) => {
          complaints.push(`dialog: ${dialog.message()}`);
          void dialog.dismiss();
        });
        page.on('request', (request) => requests.push(request.url()));
        await page.goto(pathToFileURL(file).href);
        await page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })");
        for (const width of [390, 1280]) {
          await page.setViewportSize({ width, height: 844 });
          const overflow = await page.evaluate(
            'document.documentElement.scrollWidth - document.documentElement.clientWidth',
          );
          assert.equal(overflow, 0, `${name} is wider than ${width} px`);
        }
        assert.equal(await page.locator('h1').count(), 1);
        assert.equal(await page.locator('svg[role=img]:not([aria-label])').count(), 0);
        assert.equal(await page.locator('table:not([aria-label])').count(), 0);
        assert.deepEqual(complaints, []);
        assert.deepEqual(
          requests.filter((url) => !url.startsWith('data:')),
          [pathToFileURL(file).href],
        );
        await page.close();
      }
    } finally {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
);
