import type { Column, Table } from '../table.ts';
import { html, type Markup } from './markup.ts';

export function tableMarkup({ title, note, columns, rows }: Table): Markup {
  return scrollFrame(
    title,
    note,
    html`<table aria-label="${title}">
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col" class="${column.align}">${column.name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((text, index) => cell(text, columns[index], index === 0))}
            </tr>`,
        )}
      </tbody>
    </table>`,
  );
}

/** Nothing, not even its title, of a table without rows. */
export function tableIfAny(table: Table): Markup | '' {
  return table.rows.length === 0 ? '' : tableMarkup(table);
}

/**
 * A titled frame in which a wide table scrolls by itself, so that the page never does on a phone; the keyboard reaches
 * it. Title and note stay outside, where they wrap.
 */
export function scrollFrame(title: string, note: string | undefined, table: Markup): Markup {
  return html`<div class="table">
    <p class="table-title">${title}</p>
    ${note === undefined ? '' : html`<p class="note">${note}</p>`}
    <div class="scroll" role="region" tabindex="0" aria-label="${title}">${table}</div>
  </div>`;
}

function cell(text: string, column: Column | undefined, isHead: boolean): Markup {
  const align = column?.align ?? 'left';
  const tone = text.startsWith('unknown') ? 'unknown' : (toneOf[text] ?? '');
  return isHead ? html`<th scope="row" class="${align}">${text}</th>` : html`<td class="${align} ${tone}">${text}</td>`;
}

/** Words that carry a judgement keep it without colour; the colour only helps to find them. */
const toneOf: Readonly<Record<string, string>> = {
  faster: 'good',
  passed: 'good',
  slower: 'bad',
  FAILED: 'bad',
  yes: 'good',
};
