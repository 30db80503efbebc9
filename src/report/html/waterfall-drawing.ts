import type { ChunkTimes } from '../../analysis/chunk-times.ts';
import type { Waterfall } from '../../analysis/waterfall.ts';
import { phases } from '../../model/report.ts';
import { formatDuration } from '../../model/units.ts';
import { namedPhases, phaseNames, type PhaseNames } from '../phase-names.ts';
import { gridLines, linearAxis, position, tickLabels, type Axis } from './axis.ts';
import { html, type Markup } from './markup.ts';

const ROW = 7;
const AXIS = 26;
/** The slowest strategy still shows this many chunks, however much faster another one is. */
const LEAST_CHUNKS = 6;

/**
 * Chunks of each strategy as rows on one time axis that all of them share, so that the eye compares: a staircase of
 * single chunks beside a block of many. The axis ends where the first strategy runs out of recorded chunks.
 */
export function waterfallDrawings(waterfalls: readonly Waterfall[], names: PhaseNames = phaseNames): Markup {
  const ends = waterfalls.map(({ chunks }) => Math.max(0, ...chunks.map(({ endMs }) => endMs - originOf(chunks))));
  const needed = waterfalls.map(({ chunks }) => {
    const few = chunks.slice(0, LEAST_CHUNKS);
    return Math.max(0, ...few.map(({ endMs }) => endMs - originOf(chunks)));
  });
  const end = Math.max(Math.min(...ends), ...needed);
  const axis = linearAxis(end, 6);
  return html`${waterfalls.map((waterfall) => drawing(waterfall, axis, names))}`;
}

function drawing({ strategy, chunks, chunkCount, trial }: Waterfall, axis: Axis, names: PhaseNames): Markup {
  const origin = originOf(chunks);
  const shown = chunks.filter(({ startMs }) => startMs - origin < axis.end);
  const bottom = shown.length * ROW + 4;
  const count = `first ${shown.length} of ${chunkCount} ${trial === undefined ? 'chunks' : 'data chunks'}`;
  const title = `${strategy}: the ${count}, ${formatDuration(axis.end)}${trial === undefined ? '' : ` of trial ${trial}`}`;
  return html`<figure>
    <h4>${strategy} <span class="soft">${count}${trial === undefined ? '' : `, trial ${trial}`}</span></h4>
    <svg class="plot" width="100%" height="${bottom + AXIS}" role="img" aria-label="${title}">
      ${gridLines(axis, 0, bottom)}
      ${tickLabels(axis, bottom + 18, (value) => (value === 0 ? '0' : formatDuration(value).replace('.00 ', ' ').replace('.0 ', ' ')))}
      ${shown.map((chunk, row) => chunkRow(chunk, row, origin, axis, names))}
    </svg>
  </figure>`;
}

function chunkRow(chunk: ChunkTimes, row: number, origin: number, axis: Axis, names: PhaseNames): Markup {
  let at = chunk.startMs - origin;
  const y = row * ROW + 1;
  const bars = phases.map((phase) => {
    const start = at;
    at = Math.min(at + chunk.phaseMs[phase], axis.end);
    const length = at - start;
    return length > 0
      ? html`<rect
          class="${phase}"
          x="${position(axis, start)}"
          y="${y}"
          width="${position(axis, length)}"
          height="${ROW - 1.5}"
        />`
      : '';
  });
  const detail = namedPhases(names)
    .map(([phase, name]) => `${name} ${formatDuration(chunk.phaseMs[phase])}`)
    .join(', ');
  const slot = chunk.slot === undefined ? 'chunk' : `slot ${chunk.slot}`;
  return html`<g>
    <title>${slot}: ${formatDuration(chunk.endMs - chunk.startMs)} (${detail})</title>
    ${bars}
  </g>`;
}

function originOf(chunks: readonly ChunkTimes[]): number {
  return chunks[0]?.startMs ?? 0;
}
