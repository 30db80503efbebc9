import type { Column, Table } from '../table.ts';
import { html, type Markup } from './markup.ts';

/** A table in a frame that scrolls by itself, so that a wide one never makes the page scroll on a phone. */
export function tableMarkup({ title, note, columns, rows }: Table): Markup {
  return html`<div class="table">
    <table>
      <caption>
        ${title}${note === undefined ? '' : html`<span class="note">${note}</span>`}
      </caption>
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
    </table>
  </div>`;
}

function cell(text: string, column: Column | undefined, isHead: boolean): Markup {
  const align = column?.align ?? 'left';
  const known = !text.startsWith('unknown');
  const tone = known ? (toneOf[text] ?? '') : 'unknown';
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
