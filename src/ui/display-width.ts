import { stripVTControlCharacters } from 'node:util';

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Graphemes that a terminal draws two cells wide: emoji, and what Unicode's East Asian Width calls wide or fullwidth. */
const wide =
  /^(?:\p{Emoji_Presentation}|\p{Emoji}\uFE0F|\p{Regional_Indicator}|[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\u9FFF\uA000-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{17000}-\u{18CFF}\u{1B000}-\u{1B2FF}\u{20000}-\u{3FFFD}])/u;

/** Drawn without a cell of their own. */
const invisible = /^[\p{Control}\p{Format}\p{Nonspacing_Mark}\p{Enclosing_Mark}]+$/u;

/** Escape sequences of colours, which take no room. */
const ESCAPE = '\u001B';
const escapeSequence = new RegExp(`${ESCAPE}\\[[0-9;]*m`, 'uy');

/** Cells that a terminal needs for a text without line breaks; colours take none. */
export function displayWidth(text: string): number {
  const plain = stripVTControlCharacters(text);
  // Tables of figures are ASCII, and the segmenter is a hundred times slower than a look at the length.
  if (/^[\x20-\x7E]*$/u.test(plain)) return plain.length;
  let width = 0;
  for (const { segment } of segmenter.segment(plain)) width += graphemeWidth(segment);
  return width;
}

/** A text that needs at most `cells`; what was cut off is marked, and colours are kept whole and closed. */
export function truncateToWidth(text: string, cells: number): string {
  if (displayWidth(text) <= cells) return text;
  if (cells <= 0) return '';
  let kept = '';
  let width = 0;
  let isColoured = false;
  for (let index = 0; index < text.length;) {
    escapeSequence.lastIndex = index;
    const [sequence] = escapeSequence.exec(text) ?? [];
    if (sequence !== undefined) {
      kept += sequence;
      isColoured = true;
      index += sequence.length;
      continue;
    }
    const escape = text.indexOf(ESCAPE, index + 1);
    const [first] = segmenter.segment(text.slice(index, escape === -1 ? undefined : escape));
    const segment = first?.segment ?? text.slice(index, index + 1);
    // One cell is kept free for the mark.
    if (width + graphemeWidth(segment) > cells - 1) break;
    kept += segment;
    width += graphemeWidth(segment);
    index += segment.length;
  }
  return `${kept}…${isColoured ? `${ESCAPE}[0m` : ''}`;
}

function graphemeWidth(segment: string): number {
  if (invisible.test(segment)) return 0;
  return wide.test(segment) ? 2 : 1;
}
