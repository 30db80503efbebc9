import { caseName } from '../analysis/case-name.ts';
import type { Analysis } from '../analysis/summarise.ts';
import type { Report } from '../model/report.ts';
import { headline } from './headline.ts';
import { caseSection } from './html/case-section.ts';
import { html, type Markup } from './html/markup.ts';
import { renderPage } from './html/page.ts';
import { tableMarkup } from './html/table-markup.ts';
import { throughputPlot } from './html/throughput-plot.ts';
import { keyFigures } from './html/key-figures.ts';
import { profileSection } from './html/profile-section.ts';
import { verdictNames } from './human-text.ts';
import { hostTable, objectivesTable, overviewTable, trialsTable } from './run-tables.ts';

/**
 * report.html: the finding first, then every case.
 */
export function renderReportHtml({ report, waterfalls }: Analysis): string {
  const { cases, scenario, warnings, profile } = report;
  const many = cases.length > 1;
  return renderPage(
    `${scenario.name}: ${verdictNames[report.verdict.code]}`,
    report.tool,
    html`${pageHead(report)} ${profile === undefined ? '' : profileSection(profile)} ${many ? caseLinks(report) : ''}
      ${
        many
          ? html`<div class="card">
              <h2 class="hidden">All cases</h2>
              ${throughputPlot(cases)}${tableMarkup(overviewTable(report))}
            </div>`
          : ''
      }
      ${
        report.objectives.length === 0
          ? ''
          : html`<div class="card">
              <h2 class="hidden">Objectives</h2>
              ${tableMarkup(objectivesTable(report))}
            </div>`
      }
      ${warnings.length === 0 ? '' : warningList(report)}
      ${cases.map((one, index) => caseSection(one, waterfalls[index] ?? [], index, many))}
      <section aria-labelledby="run-title">
        <h2 id="run-title">The run</h2>
        <div class="card">${tableMarkup(trialsTable(report))}</div>
        <div class="card">${tableMarkup(hostTable(report))}</div>
        <div class="card">
          <h3>Methods</h3>
          <ul class="methods">
            ${report.methods.map((method) => html`<li>${method}</li>`)}
          </ul>
        </div>
      </section>`,
  );
}

function pageHead(report: Report): Markup {
  const { scenario, verdict, cases, startedAt, host, status, tool } = report;
  return html`<header>
    <h1>${headline(report)}</h1>
    <p class="run">
      <strong>${scenario.name}</strong> - ${startedAt} - ${host.cpuModel ?? 'unknown processor'}, ${host.cores} cores -
      ${tool.name} ${tool.version}${status === 'completed' ? '' : html` - <span class="bad">${status}</span>`}
    </p>
    ${cases.length === 1 ? html`<p class="code ${verdict.code}">${verdictNames[verdict.code]}</p>` : ''}
    ${scenario.description === undefined ? '' : html`<p class="soft">${scenario.description}</p>`}
    <p class="next"><strong>Next experiment${cases.length > 1 ? ' (first case)' : ''}.</strong> ${verdict.next}</p>
    ${cases.length === 1 ? keyFigures(report) : ''}
  </header>`;
}

function caseLinks({ cases }: Report): Markup {
  return html`<nav aria-label="Cases">
    <ul>
      ${cases.map((one, index) => html`<li><a href="#case-${index}">${caseName(one)}</a> <span class="soft">${verdictNames[one.verdict.code]}</span></li>`)}
    </ul>
  </nav>`;
}

function warningList({ warnings }: Report): Markup {
  return html`<div class="card warnings">
    <h2 class="hidden">Warnings</h2>
    <ul>
      ${warnings.map(({ code, sentence }) => html`<li><code>${code}</code> ${sentence}</li>`)}
    </ul>
  </div>`;
}
