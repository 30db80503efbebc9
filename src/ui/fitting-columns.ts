import { displayWidth } from './display-width.ts';

/**
 * A table without the columns that find no room, from the right; the first `kept` stay whatever the width.
 * @param rows as they go to `formatTable`, the header first
 */
export function fittingColumns(
  rows: readonly (readonly string[])[],
  { width, kept, gap = 2 }: { readonly width: number; readonly kept: number; readonly gap?: number },
): readonly (readonly string[])[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  let used = -gap;
  let shown = 0;
  for (let column = 0; column < columns; column += 1) {
    used += gap + Math.max(...rows.map((row) => displayWidth(row[column] ?? '')));
    if (used > width && column >= kept) break;
    shown = column + 1;
  }
  return rows.map((row) => row.slice(0, shown));
}
