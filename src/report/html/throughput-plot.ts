import { caseName } from '../../analysis/case-name.ts';
import { countsAsMeasured } from '../../analysis/measured-trials.ts';
import type { CaseReport, StrategyReport, TrialReport } from '../../model/report.ts';
import { formatRate } from '../../model/units.ts';
import { strategyName } from '../case-tables.ts';
import { ratioAndInterval, throughputText } from '../human-text.ts';
import { gridLines, linearAxis, position, tickLabels, type Axis } from './axis.ts';
import { html, type Markup } from './markup.ts';

const ROW = 32;
const MIDDLE = ROW / 2;
const AXIS = 20;

/**
 * Data rates of one or more cases on one axis from 0: every trial as a dot, the median as a line, the 95 % interval of their geometric mean as a
 * bar. Labels are HTML, so that long names wrap.
 */
export function throughputPlot(cases: readonly CaseReport[]): Markup {
  const largest = Math.max(
    0,
    ...cases.flatMap(({ strategies }) =>
      strategies.flatMap(({ trials, throughput }) => [
        ...trials.flatMap((trial) => trialRate(trial) ?? []),
        throughput.data?.interval?.[1] ?? 0,
      ]),
    ),
  );
  const axis = linearAxis(largest * 1.06, 4);
  const label = (value: number): string =>
    value === 0 ? '0' : formatRate(value).replace('.0 ', ' ').replace('.00 ', ' ');
  return html`<figure class="dots ${cases.length > 1 ? 'many' : ''}">
    ${cases.map(
      (one) =>
        html`${cases.length > 1 ? html`<p class="group">${caseName(one)}</p>` : ''}
        ${one.strategies.map((strategy) => strategyRow(one, strategy, axis))}`,
    )}
    <div class="dot-row">
      <span></span
      ><svg class="plot" width="100%" height="${AXIS}" aria-hidden="true">${tickLabels(axis, 14, label)}</svg>
    </div>
    <figcaption>
      Data rate: <span class="key dot"></span> a measured trial, <span class="key ring"></span> a warm-up or one that
      does not count, <span class="key mid"></span> their median, <span class="key bar"></span> the 95 % interval of
      their geometric mean.
    </figcaption>
  </figure>`;
}

function strategyRow(one: CaseReport, strategy: StrategyReport, axis: Axis): Markup {
  const { data } = strategy.throughput;
  const comparison = one.comparisons.find(({ of }) => of === strategy.label);
  const figures =
    comparison === undefined ? throughputText(data) : `${throughputText(data)}, ${ratioAndInterval(comparison)}`;
  const interval =
    data?.interval === undefined
      ? ''
      : html`<rect
          class="interval"
          x="${position(axis, data.interval[0])}"
          y="${MIDDLE - 9}"
          width="${position(axis, data.interval[1] - data.interval[0])}"
          height="18"
          rx="3"
        />`;
  const middle = data === undefined ? '' : medianLine(position(axis, data.medianBytesPerSecond));
  const dots = strategy.trials.flatMap((trial) => {
    const rate = trialRate(trial);
    if (rate === undefined) return [];
    const counts = countsAsMeasured(trial);
    const note = counts ? '' : trial.warmUp ? ', warm-up' : ', not proven';
    return [
      html`<circle class="${counts ? 'trial' : 'aside'}" cx="${position(axis, rate)}" cy="${MIDDLE}" r="4.5"
        ><title>trial ${trial.index}: data rate ${formatRate(rate)}${note}</title></circle
      >`,
    ];
  });
  return html`<div class="dot-row">
    <p><strong>${strategyName(strategy)}</strong> <span class="soft">${figures}</span></p>
    <svg
      class="plot"
      width="100%"
      height="${ROW}"
      role="img"
      aria-label="${strategy.label}: data rate ${figures}, ${dots.length} trials"
    >
      ${gridLines(axis, 0, ROW)}
      <line class="base" x1="0" x2="100%" y1="${MIDDLE}" y2="${MIDDLE}" />
      ${interval}${middle}${dots}
    </svg>
  </div>`;
}

function medianLine(x: string): Markup {
  return html`<line class="median" x1="${x}" x2="${x}" y1="${MIDDLE - 12}" y2="${MIDDLE + 12}" />`;
}

function trialRate({ status, bytes, durationMs }: TrialReport): number | undefined {
  return status !== 'completed' || bytes === undefined || durationMs === undefined || durationMs <= 0
    ? undefined
    : (bytes.data * 1000) / durationMs;
}
