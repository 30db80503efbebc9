import { ratioText } from '../../analysis/ratio-text.ts';
import { BUSIEST_EVIDENCE, WAITING_EVIDENCE } from '../../analysis/verdict.ts';
import { unavailable, type Metric } from '../../model/metric.ts';
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
  // The verdict's own figures, so that the sentence above and these agree.
  const evidence = (wanted: string): Metric =>
    verdict.evidence.find(({ name }) => name === wanted)?.measured ?? unavailable('no such evidence');
  const waiting = evidence(WAITING_EVIDENCE);
  if ('value' in waiting) figures.push([formatShare(waiting.value), 'of it waiting for the first byte']);
  const busiest = evidence(BUSIEST_EVIDENCE);
  if ('value' in busiest) figures.push([formatShare(busiest.value), 'busy: the busiest resource']);
  return figureList(figures);
}

export function figureList(figures: readonly (readonly [value: string, name: string])[]): Markup {
  return html`<ul class="figures">
    ${figures.map(([value, name]) => html`<li><b>${value}</b><span>${name}</span></li>`)}
  </ul>`;
}
