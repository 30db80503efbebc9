import type { CaseReport, StrategyReport, TrialReport } from '../../model/report.ts';
import { formatRate } from '../../model/units.ts';
import { ratioAndInterval, throughputText } from '../human-text.ts';
import { strategyName } from '../case-tables.ts';
import { gridLines, linearAxis, position, tickLabels, type Axis } from './axis.ts';
import { html, type Markup } from './markup.ts';

const ROW = 58;
const LABEL_BASELINE = 18;
const DOTS = 38;
const AXIS = 26;

/** Every trial's data rate as a dot, the 95 % interval as a bar, the median as a line; one row a strategy. */
export function throughputPlot(one: CaseReport, title: string): Markup {
  const largest = Math.max(
    0,
    ...one.strategies.flatMap(({ trials, throughput }) => [
      ...trials.flatMap((trial) => trialRate(trial) ?? []),
      throughput.data?.interval?.[1] ?? 0,
    ]),
  );
  const axis = linearAxis(largest * 1.06, 4);
  const bottom = one.strategies.length * ROW + 6;
  return html`<figure>
    <svg class="plot" width="100%" height="${bottom + AXIS}" role="img" aria-label="${title}">
      ${gridLines(axis, 6, bottom)}
      ${tickLabels(axis, bottom + 18, (value) => (value === 0 ? '0' : formatRate(value).replace('.0 ', ' ')))}
      ${one.strategies.map((strategy, row) => strategyRow(one, strategy, row * ROW, axis))}
    </svg>
    <figcaption>
      Data rate: <span class="key dot"></span> a measured trial, <span class="key ring"></span> a warm-up or one that
      does not count, <span class="key bar"></span> 95 % interval, <span class="key mid"></span> median.
    </figcaption>
  </figure>`;
}

function strategyRow(one: CaseReport, strategy: StrategyReport, top: number, axis: Axis): Markup {
  const data = strategy.throughput.data;
  const comparison = one.comparisons.find(({ of }) => of === strategy.label);
  const ratio = comparison === undefined ? '' : `, ${ratioAndInterval(comparison)}`;
  const y = top + DOTS;
  const interval =
    data?.interval === undefined
      ? ''
      : html`<rect
          class="interval"
          x="${position(axis, data.interval[0])}"
          y="${y - 9}"
          width="${position(axis, data.interval[1] - data.interval[0])}"
          height="18"
          rx="3"
        />`;
  const middle =
    data === undefined
      ? ''
      : html`<line
          class="median"
          x1="${position(axis, data.medianBytesPerSecond)}"
          x2="${position(axis, data.medianBytesPerSecond)}"
          y1="${y - 12}"
          y2="${y + 12}"
        />`;
  const dots = strategy.trials.flatMap((trial) => {
    const rate = trialRate(trial);
    if (rate === undefined) return [];
    const counts = !trial.warmUp && trial.verified === true;
    const note = counts ? '' : trial.warmUp ? ', warm-up' : ', not proven';
    return [
      html`<circle class="${counts ? 'trial' : 'aside'}" cx="${position(axis, rate)}" cy="${y}" r="4.5">
        <title>trial ${trial.index}: data rate ${formatRate(rate)}${note}</title>
      </circle>`,
    ];
  });
  return html`<g>
    <text class="label" x="0" y="${top + LABEL_BASELINE}"
      ><tspan class="strong">${strategyName(strategy)}</tspan
      ><tspan class="soft" dx="8">${throughputText(data)}${ratio}</tspan></text
    >
    <line class="base" x1="0" x2="100%" y1="${y}" y2="${y}" />
    ${interval}${middle}${dots}
  </g>`;
}

function trialRate({ status, bytes, durationMs }: TrialReport): number | undefined {
  return status !== 'completed' || bytes === undefined || durationMs === undefined || durationMs <= 0
    ? undefined
    : (bytes.data * 1000) / durationMs;
}
