import { displayWidth, truncateToWidth } from './display-width.ts';

export interface TableOptions {
  /** Titles above the columns. */
  readonly header?: readonly string[];
  /** Per column; those that are not named are on the left. */
  readonly align?: readonly ('left' | 'right')[];
  /** Put before every line. */
  readonly indent?: string;
  /** Cells of a line; the last column is cut where a line would be longer. */
  readonly width?: number;
}

const GAP = '  ';

/**
 * Rows of text as aligned columns, each line ended with a line feed; nothing for no rows and no header. Cells may
 * hold colours and wide characters; line breaks in them become blanks.
 */
export function formatTable(
  rows: readonly (readonly string[])[],
  { header, align = [], indent = '', width }: TableOptions = {},
): string {
  const all = (header === undefined ? rows : [header, ...rows]).map((row) =>
    row.map((cell) => cell.replaceAll(/\s*[\r\n]+\s*/gu, ' ')),
  );
  const widths: number[] = [];
  for (const row of all) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell));
  }
  return all
    .map((row) => {
      const cells = row.map((cell, column) => {
        const padding = ' '.repeat(Math.max(0, (widths[column] ?? 0) - displayWidth(cell)));
        return align[column] === 'right' ? `${padding}${cell}` : `${cell}${padding}`;
      });
      const line = `${indent}${cells.join(GAP)}`.trimEnd();
      return `${width === undefined ? line : truncateToWidth(line, width)}\n`;
    })
    .join('');
}
