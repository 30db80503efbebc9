import type { Table } from './table.ts';

/** Tables below titles, as blocks that empty lines part. */
export function section(level: '##' | '###', tables: readonly Table[]): readonly string[] {
  return tables.flatMap((table) => [
    `${level} ${escapeMarkdown(table.title)}`,
    ...(table.note === undefined ? [] : [escapeMarkdown(table.note)]),
    ...(table.rows.length === 0 ? [] : [markdownTable(table)]),
  ]);
}

function markdownTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeMarkdown).join(' | ')} |`;
  const rule = `| ${columns.map(({ align }) => (align === 'right' ? '---:' : '---')).join(' | ')} |`;
  return [line(columns.map(({ name }) => name)), rule, ...rows.map(line)].join('\n');
}

/** Names and error texts come from files and servers: none may end a cell, start markup or HTML. */
export function escapeMarkdown(text: string): string {
  return text
    .replaceAll(/\s+/gu, ' ')
    .replaceAll(/[\\`*_[\]|]/gu, String.raw`\$&`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
