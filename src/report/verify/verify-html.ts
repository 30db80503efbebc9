import type { VerifyAnalysis } from '../../analysis/summarise-verify.ts';
import { formatDuration, formatRate, formatShare } from '../../model/units.ts';
import type { VerifyReport } from '../../model/verify.ts';
import { evidenceTable } from '../case-tables.ts';
import { figureList } from '../html/key-figures.ts';
import { html, type Markup } from '../html/markup.ts';
import { renderPage } from '../html/page.ts';
import { phaseBars, phaseLegend } from '../html/phase-bars.ts';
import { tableMarkup } from '../html/table-markup.ts';
import { useBars } from '../html/use-bars.ts';
import { waterfallDrawings } from '../html/waterfall-drawing.ts';
import { verdictNames } from '../human-text.ts';
import {
  AFTER_DAMAGE,
  chunkTimeTable,
  coverageTable,
  damageTable,
  verifyHeadline,
  verifyHostTable,
  verifyMethods,
  verifyPhaseNames,
  verifyPhasesTable,
  verifyRatesTable,
} from './verify-tables.ts';

/** report.html of a verify: damage first, then what limits it and where the time of a chunk goes. */
export function renderVerifyHtml({ report, waterfall }: VerifyAnalysis): string {
  const { settings, problems, verdict, warnings, tool } = report;
  const found = problems.length > 0 ? 'damaged' : verdictNames[verdict.code];
  return renderPage(
    `verify of ${settings.datastore}: ${found}`,
    tool,
    html`${pageHead(report)} ${problems.length === 0 ? '' : damageSection(report)}
      ${warnings.length === 0 ? '' : warningList(report)}
      <section aria-labelledby="results-title">
        <h2 id="results-title" class="hidden">Results</h2>
        <div class="card">
          <h3>What was verified, and how fast</h3>
          ${tableMarkup(verifyRatesTable(report))} ${tableMarkup(coverageTable(report))}
        </div>
        <div class="card">
          <h3>Where a chunk's time goes</h3>
          ${timesOfChunks(report, waterfall)}
        </div>
        <div class="card">
          <h3>What was busy</h3>
          ${useBars(report)} ${tableMarkup(evidenceTable(report))}
        </div>
      </section>
      <section aria-labelledby="verify-title">
        <h2 id="verify-title">The verify</h2>
        <div class="card">${tableMarkup(verifyHostTable(report))}</div>
        <div class="card">
          <h3>Methods</h3>
          <ul class="methods">
            ${verifyMethods(report).map((method) => html`<li>${method}</li>`)}
          </ul>
        </div>
      </section>`,
  );
}

function pageHead(report: VerifyReport): Markup {
  const { settings, problems, startedAt, host, status, tool } = report;
  return html`<header>
    <h1>${verifyHeadline(report)}</h1>
    <p class="run">
      <strong>verify of ${settings.datastore}</strong> - ${startedAt} - ${host.cpuModel ?? 'unknown processor'},
      ${host.cores} cores - ${tool.name}
      ${tool.version}${status === 'completed' ? '' : html` - <span class="bad">${status}</span>`}
    </p>
    ${problems.length === 0 ? speedFinding(report) : ''}
  </header>`;
}

/** Before what there is to say of speed. */
function damageSection(report: VerifyReport): Markup {
  return html`<section aria-labelledby="damage-title">
      <h2 id="damage-title" class="bad">Damage</h2>
      <p class="next"><strong>Next.</strong> ${AFTER_DAMAGE}</p>
      <div class="card">${damageList(report)}</div>
    </section>
    <section aria-labelledby="speed-title">
      <h2 id="speed-title">Speed</h2>
      <p class="case-finding">${report.verdict.sentence}</p>
      ${speedFinding(report)}
    </section>`;
}

/** A list, since paths of chunks are too long for a column on a phone. */
function damageList(report: VerifyReport): Markup {
  const { note, rows } = damageTable(report);
  return html`<p class="note">${note ?? ''}</p>
    <ul class="damage">
      ${rows.map(([file = '', code = '', problem = '', affects = '']) => {
        return html`<li>
          <p><span class="bad">${code}</span> <code>${file}</code></p>
          <p>${problem}</p>
          ${affects === '' ? '' : html`<p class="soft">affects ${affects}</p>`}
        </li>`;
      })}
    </ul>`;
}

function speedFinding(report: VerifyReport): Markup {
  const { verdict } = report;
  return html`<p class="code ${verdict.code}">${verdictNames[verdict.code]}</p>
    <p class="next"><strong>Next experiment.</strong> ${verdict.next}</p>
    ${keyFigures(report)}`;
}

/** Those that are unknown are left to the tables. */
function keyFigures({ throughput, chunkLatencyMs, use, problems }: VerifyReport): Markup {
  const { unique, read } = throughput;
  const [readers, verifiers] = use;
  const figures: (readonly [value: string, name: string])[] = [
    [String(problems.length), problems.length === 1 ? 'problem found' : 'problems found'],
  ];
  if ('value' in unique) figures.push([formatRate(unique.value), 'unique rate']);
  if ('value' in read) figures.push([formatRate(read.value), 'read rate, as stored']);
  if ('value' in chunkLatencyMs.p50) figures.push([formatDuration(chunkLatencyMs.p50.value), 'median chunk time']);
  for (const row of [readers, verifiers]) {
    if (row !== undefined && 'value' in row.utilization)
      figures.push([formatShare(row.utilization.value), `busy: ${row.resource}`]);
  }
  return figureList(figures);
}

function timesOfChunks(report: VerifyReport, waterfall: VerifyAnalysis['waterfall']): Markup {
  const waterfalls = waterfall === undefined ? [] : [waterfall];
  const strategies = [{ label: 'verify', phaseShares: report.phaseShares }];
  return html`${phaseLegend(verifyPhaseNames)} ${phaseBars({ strategies }, waterfalls, verifyPhaseNames)}
  ${tableMarkup(verifyPhasesTable(report))} ${tableMarkup(chunkTimeTable(report))}
  ${
    waterfall === undefined
      ? html`<p class="soft">No waterfall: no chunk times were recorded.</p>`
      : html`<h3>Waterfall</h3>
          <p class="soft">One row a chunk, in the order in which they were asked for.</p>
          ${phaseLegend(verifyPhaseNames)}
          <div class="waterfalls">${waterfallDrawings(waterfalls, verifyPhaseNames)}</div>`
  }`;
}

function warningList({ warnings }: VerifyReport): Markup {
  return html`<div class="card warnings">
    <h2 class="hidden">Warnings</h2>
    <ul>
      ${warnings.map((warning) => html`<li>${warning}</li>`)}
    </ul>
  </div>`;
}
