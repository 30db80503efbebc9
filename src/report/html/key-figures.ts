import { ratioText } from '../../analysis/ratio-text.ts';
import type { Report } from '../../model/report.ts';
import { formatDuration, formatRate, formatShare } from '../../model/units.ts';
import { html, type Markup } from './markup.ts';

/** The handful of figures that a reader wants before any chart; those that are unknown are left to the tables. */
export function keyFigures({ cases, verdict }: Report): Markup {
  const [one] = cases;
  if (one === undefined) return html``;
  const ranked = one.strategies.toSorted(
    (a, b) => (b.throughput.data?.medianBytesPerSecond ?? 0) - (a.throughput.data?.medianBytesPerSecond ?? 0),
  );
  const baseline = one.strategies[0];
  const fastest = ranked[0];
  const comparison = one.comparisons.find(({ of }) => of === fastest?.label);
  const figures: (readonly [value: string, name: string])[] = [];
  if (baseline?.throughput.data !== undefined) {
    figures.push([formatRate(baseline.throughput.data.medianBytesPerSecond), `data rate of ${baseline.label}`]);
  }
  if (fastest?.throughput.data !== undefined && fastest !== baseline) {
    figures.push([
      formatRate(fastest.throughput.data.medianBytesPerSecond),
      `data rate of ${fastest.label}, the fastest`,
    ]);
  }
  if (comparison?.ratio !== undefined) {
    figures.push([`${ratioText(comparison.ratio)} x`, `${comparison.of} against ${comparison.to}`]);
  }
  if (baseline !== undefined && 'value' in baseline.chunkLatencyMs.p50) {
    figures.push([formatDuration(baseline.chunkLatencyMs.p50.value), `median chunk latency of ${baseline.label}`]);
  }
  const waiting = baseline?.phaseShares.waiting;
  if (waiting !== undefined) figures.push([formatShare(waiting), `of it waiting for the first byte`]);
  const busiest = verdict.evidence.find(({ name }) => name === 'busiest resource')?.measured;
  if (busiest !== undefined && 'value' in busiest)
    figures.push([formatShare(busiest.value), 'busy: the busiest resource']);
  return html`<ul class="figures">
    ${figures.map(([value, name]) => html`<li><b>${value}</b><span>${name}</span></li>`)}
  </ul>`;
}
