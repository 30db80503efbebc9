import { caseName } from '../../analysis/case-name.ts';
import type { Waterfall } from '../../analysis/waterfall.ts';
import type { CaseReport } from '../../model/report.ts';
import {
  comparisonsTable,
  costTable,
  evidenceTable,
  imageTable,
  latencyTable,
  linkTable,
  transportTable,
  orderTable,
  phasesTable,
  ratesTable,
  serverTable,
} from '../case-tables.ts';
import { verdictNames } from '../human-text.ts';
import { programsTable } from '../programs-table.ts';
import { html, type Markup } from './markup.ts';
import { phaseBars, phaseLegend } from './phase-bars.ts';
import { tableIfAny, tableMarkup } from './table-markup.ts';
import { throughputPlot } from './throughput-plot.ts';
import { useBars } from './use-bars.ts';
import { waterfallDrawings } from './waterfall-drawing.ts';

/** Everything about one case: how fast, where the time goes, what was busy, and the figures behind it. */
export function caseSection(one: CaseReport, waterfalls: readonly Waterfall[], index: number, many: boolean): Markup {
  const name = caseName(one);
  const head = many
    ? html`<header class="case-head">
        <h2 id="case-${index}-title">${name}</h2>
        <p class="code ${one.verdict.code}">${verdictNames[one.verdict.code]}</p>
        <p class="case-finding">${one.verdict.sentence}</p>
        <p class="soft">Next: ${one.verdict.next}</p>
      </header>`
    : html`<h2 id="case-${index}-title" class="hidden">Results</h2>`;
  const figures = html`<div class="card">
      <h3>Latency, cost and order</h3>
      ${tableMarkup(latencyTable(one))} ${tableMarkup(costTable(one))} ${tableMarkup(orderTable(one))}
    </div>
    <div class="card">
      <h3>What was restored over what</h3>
      ${[serverTable, linkTable, transportTable, imageTable].map((make) => tableIfAny(make(one)))}
    </div>`;
  const busy = html`<div class="card">
    <h3>What was busy</h3>
    ${one.use.length === 0 ? html`<p class="soft">No USE table: unknown, nothing was sampled.</p>` : useBars(one)}
    ${tableMarkup(evidenceTable(one))}
  </div>`;
  return html`<section id="case-${index}" aria-labelledby="case-${index}-title">
    ${head}
    <div class="card">
      <h3>Throughput</h3>
      ${throughputPlot([one])} ${tableMarkup(ratesTable(one))} ${tableIfAny(comparisonsTable(one))}
      ${tableIfAny(programsTable(one))}
    </div>
    <div class="card">
      <h3>Where a chunk's time goes</h3>
      ${phaseLegend()} ${phaseBars(one, waterfalls)} ${tableMarkup(phasesTable(one))}
      ${
        waterfalls.length === 0
          ? html`<p class="soft">No waterfall: no chunk times were recorded.</p>`
          : html`<h3>Waterfall</h3>
              <p class="soft">
                One row a chunk, in the order in which they were asked for; the same time axis for every strategy.
              </p>
              ${phaseLegend()}
              <div class="waterfalls">${waterfallDrawings(waterfalls)}</div>`
      }
    </div>
    ${
      many
        ? html`<details>
            <summary>What was busy, latency, cost, link and image: ${name}</summary>
            ${busy}${figures}
          </details>`
        : html`${busy}${figures}`
    }
  </section>`;
}
