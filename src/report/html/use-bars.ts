import type { CaseReport } from '../../model/report.ts';
import { formatShare } from '../../model/units.ts';
import { formatNumber, metricText } from '../human-text.ts';
import { html, type Markup } from './markup.ts';

/** The USE table with utilization also as a bar. */
export function useBars({ use, verdict }: CaseReport): Markup {
  return html`<div class="table">
    <table>
      <caption>
        USE: utilization, saturation and errors
        <span class="note">While ${verdict.strategy} ran. What could not be measured here says why.</span>
      </caption>
      <thead>
        <tr>
          <th scope="col">resource</th>
          <th scope="col">utilization</th>
          <th scope="col">saturation</th>
          <th scope="col" class="right">errors</th>
          <th scope="col">method</th>
        </tr>
      </thead>
      <tbody>
        ${use.map(({ resource, utilization, saturation, saturationUnit, errors, method }) => {
          const unit = saturationUnit === undefined ? '' : ` ${saturationUnit}`;
          const width = 'value' in utilization ? Math.min(Math.max(utilization.value, 0), 1) * 100 : 0;
          const meter = html`<span class="meter"><span style="width:${width.toFixed(1)}%"></span></span>`;
          return html`<tr>
            <th scope="row">${resource}</th>
            <td class="${tone(utilization)}">
              ${'value' in utilization ? meter : ''}${metricText(utilization, formatShare)}
            </td>
            <td class="${tone(saturation)}">${metricText(saturation, (value) => `${formatNumber(value)}${unit}`)}</td>
            <td class="right ${tone(errors)}">${metricText(errors, formatNumber)}</td>
            <td class="soft">${method ?? 'not stated'}</td>
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}

function tone(metric: CaseReport['use'][number]['errors']): string {
  return 'value' in metric ? '' : 'unknown';
}
