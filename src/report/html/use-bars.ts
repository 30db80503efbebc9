import type { Metric, UseRow } from '../../model/metric.ts';
import type { CaseReport } from '../../model/report.ts';
import { formatShare } from '../../model/units.ts';
import { formatNumber, metricText, saturationText } from '../human-text.ts';
import { html, type Markup } from './markup.ts';
import { scrollFrame } from './table-markup.ts';

/**
 * The USE table with utilization also as a bar. Reasons for what is unknown are numbered and said once below, since most
 * of them hold for many rows; resources of which nothing is known stand there as well.
 */
export function useBars({ use, verdict }: Pick<CaseReport, 'use' | 'verdict'>): Markup {
  const reasons = [...new Set(use.flatMap((row) => metricsOf(row).flatMap((one) => reasonOf(one) ?? [])))];
  const known = use.filter((row) => metricsOf(row).some((one) => 'value' in one));
  const unknown = use.filter((row) => !known.includes(row));
  const table = html`<table aria-label="USE table of ${verdict.strategy}">
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
      ${known.map(({ resource, utilization, saturation, saturationUnit, errors, method }) => {
        return html`<tr>
          <th scope="row">${resource}</th>
          <td class="use ${tone(utilization)}">
            ${meter(utilization)}${textOf(utilization, metricText(utilization, formatShare), reasons)}
          </td>
          <td class="${tone(saturation)}">
            ${textOf(saturation, saturationText(saturation, saturationUnit), reasons)}
          </td>
          <td class="right ${tone(errors)}">${textOf(errors, metricText(errors, formatNumber), reasons)}</td>
          <td class="soft method">${method ?? 'not stated'}</td>
        </tr>`;
      })}
    </tbody>
  </table>`;
  return html`${scrollFrame('USE: utilization, saturation and errors', `While ${verdict.strategy} ran.`, table)}
  ${
    reasons.length === 0
      ? ''
      : html`<ol class="reasons">
          ${reasons.map((reason) => html`<li>unknown: ${reason}${unknownFor(reason, unknown)}</li>`)}
        </ol>`
  }`;
}

function meter(utilization: Metric): Markup | string {
  if (!('value' in utilization)) return '';
  const width = Math.min(Math.max(utilization.value, 0), 1) * 100;
  return html`<span class="meter"><span style="width:${width.toFixed(1)}%"></span></span>`;
}

function textOf(metric: Metric, text: string, reasons: readonly string[]): Markup | string {
  const reason = reasonOf(metric);
  return reason === undefined
    ? text
    : html`<span title="${reason}">unknown<sup>${reasons.indexOf(reason) + 1}</sup></span>`;
}

/** Names the resources of which nothing is known for this reason. */
function unknownFor(reason: string, rows: readonly UseRow[]): Markup | string {
  const names = rows.filter((row) => reasonOf(row.utilization) === reason).map(({ resource }) => resource);
  return names.length === 0 ? '' : html` - nothing is known of: <strong>${names.join(', ')}</strong>`;
}

function metricsOf({ utilization, saturation, errors }: UseRow): readonly Metric[] {
  return [utilization, saturation, errors];
}

function reasonOf(metric: Metric): string | undefined {
  return 'unavailable' in metric ? metric.unavailable : undefined;
}

function tone(metric: Metric): string {
  return 'value' in metric ? '' : 'unknown';
}
