import { stringify } from 'csv-stringify/sync';

import type { Metric } from '../model/metric.ts';

export type Cell = string | number | Metric | undefined;

/**
 * Rows as CSV with a header (RFC 4180, LF). A text that a spreadsheet would run as a formula gets an apostrophe in
 * front (CWE-1236); names come from scenario files. Without rows there is a header of `columnsOfNone` alone.
 */
export function csvText(rows: readonly Readonly<Record<string, Cell>>[], columnsOfNone: readonly string[]): string {
  const header = rows[0] === undefined ? columnsOfNone : Object.keys(rows[0]);
  return stringify([header, ...rows.map((row) => Object.values(row).map(cellText))], { escape_formulas: true });
}

function cellText(cell: Cell): string {
  if (cell === undefined) return '';
  if (typeof cell === 'object') return 'value' in cell ? String(cell.value) : `unknown: ${cell.unavailable}`;
  return String(cell);
}
