import { html, type Markup } from './markup.ts';

/** A linear axis from 0. Positions are percentages, so that drawings fit any width while text keeps its size. */
export interface Axis {
  readonly end: number;
  readonly ticks: readonly number[];
}

/** Ticks at 1, 2 or 5 times a power of ten, at most `most` of them after 0; the axis ends with the last value, not a tick. */
export function linearAxis(end: number, most = 5): Axis {
  const least = end > 0 ? end / most : 1;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= least * (1 - 1e-9)) ?? 10 * power;
  const ticks: number[] = [];
  for (let index = 0; index * step <= end * (1 + 1e-9); index += 1) ticks.push(index * step);
  return { end: end > 0 ? end : 1, ticks };
}

export function position(axis: Axis, value: number): string {
  return `${((value / axis.end) * 100).toFixed(3)}%`;
}

/** Vertical lines of the ticks from `top` to `bottom`, in pixels. */
export function gridLines(axis: Axis, top: number, bottom: number): readonly Markup[] {
  return axis.ticks.map(
    (tick) =>
      html`<line class="grid" x1="${position(axis, tick)}" x2="${position(axis, tick)}" y1="${top}" y2="${bottom}" />`,
  );
}

/** Labels below the ticks; the first and the last stay inside the drawing. */
export function tickLabels(axis: Axis, y: number, format: (value: number) => string): readonly Markup[] {
  return axis.ticks.map((tick) => {
    const share = tick / axis.end;
    const anchor = share < 0.04 ? 'start' : share > 0.9 ? 'end' : 'middle';
    return html`<text class="tick" x="${position(axis, tick)}" y="${y}" text-anchor="${anchor}">${format(tick)}</text>`;
  });
}
