import type { Waterfall } from '../../analysis/waterfall.ts';
import type { StrategyReport } from '../../model/report.ts';
import { formatDuration, formatShare } from '../../model/units.ts';
import { namedPhases, phaseNames, type PhaseNames } from '../phase-names.ts';
import { html, type Markup } from './markup.ts';

/** A share below this has no room for its own figure; the table below the drawing has it. */
const LABELLED_SHARE = 0.1;

export function phaseLegend(names: PhaseNames = phaseNames): Markup {
  return html`<ul class="legend">
    ${namedPhases(names).map(([phase, name]) => html`<li><span class="swatch ${phase}"></span>${name}</li>`)}
  </ul>`;
}

/** One bar a strategy, of all its chunks' time, cut by phase. */
export function phaseBars(
  { strategies }: { readonly strategies: readonly Pick<StrategyReport, 'label' | 'phaseShares'>[] },
  waterfalls: readonly Waterfall[],
  names: PhaseNames = phaseNames,
): Markup {
  return html`<div class="bars">
    ${strategies.map(({ label, phaseShares }) => {
      const mean = waterfalls.find(({ strategy }) => strategy === label)?.meanChunkMs;
      const known = namedPhases(names).some(([phase]) => phaseShares[phase] !== undefined);
      const detail = mean === undefined ? '' : `mean ${formatDuration(mean)} a chunk`;
      return html`<div class="bar-row">
        <div class="bar-label">
          <strong>${label}</strong>
          <span class="soft">${known ? detail : 'unknown: no chunk times were recorded'}</span>
        </div>
        <div class="stack" role="img" aria-label="${label}: ${known ? spoken(phaseShares, names) : 'unknown'}">
          ${namedPhases(names).map(([phase, name]) => {
            const share = phaseShares[phase] ?? 0;
            const text = share >= LABELLED_SHARE ? formatShare(share) : '';
            return share > 0
              ? html`<span
                  class="${phase}"
                  style="width:${(share * 100).toFixed(3)}%"
                  title="${name} ${formatShare(share)}"
                  >${text}</span
                >`
              : '';
          })}
        </div>
      </div>`;
    })}
  </div>`;
}

function spoken(shares: StrategyReport['phaseShares'], names: PhaseNames): string {
  return namedPhases(names)
    .map(([phase, name]) => `${name} ${formatShare(shares[phase] ?? 0)}`)
    .join(', ');
}
