import type { Waterfall } from '../../analysis/waterfall.ts';
import { phases, type CaseReport } from '../../model/report.ts';
import { formatDuration, formatShare } from '../../model/units.ts';
import { phaseNames } from '../case-tables.ts';
import { html, type Markup } from './markup.ts';

/** A share below this has no room for its own figure; the table below the drawing has it. */
const LABELLED_SHARE = 0.1;

export function phaseLegend(): Markup {
  return html`<ul class="legend">
    ${phases.map((phase) => html`<li><span class="swatch ${phase}"></span>${phaseNames[phase]}</li>`)}
  </ul>`;
}

/** One bar a strategy, of all its chunks' time, cut by phase. */
export function phaseBars({ strategies }: CaseReport, waterfalls: readonly Waterfall[]): Markup {
  return html`<div class="bars">
    ${strategies.map(({ label, phaseShares }) => {
      const mean = waterfalls.find(({ strategy }) => strategy === label)?.meanChunkMs;
      const known = phases.some((phase) => phaseShares[phase] !== undefined);
      const detail = mean === undefined ? '' : `mean ${formatDuration(mean)} a chunk`;
      return html`<div class="bar-row">
        <div class="bar-label">
          <strong>${label}</strong>
          <span class="soft">${known ? detail : 'unknown: no chunk times were recorded'}</span>
        </div>
        <div class="stack" role="img" aria-label="${label}: ${known ? spoken(phaseShares) : 'unknown'}">
          ${phases.map((phase) => {
            const share = phaseShares[phase] ?? 0;
            const text = share >= LABELLED_SHARE ? formatShare(share) : '';
            return share > 0
              ? html`<span
                  class="${phase}"
                  style="width:${(share * 100).toFixed(3)}%"
                  title="${phaseNames[phase]} ${formatShare(share)}"
                  >${text}</span
                >`
              : '';
          })}
        </div>
      </div>`;
    })}
  </div>`;
}

function spoken(shares: CaseReport['strategies'][number]['phaseShares']): string {
  return phases.map((phase) => `${phaseNames[phase]} ${formatShare(shares[phase] ?? 0)}`).join(', ');
}
