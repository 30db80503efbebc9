/** Characters of a line that are looked at. No program prints figures further right; a line may have no end at all. */
export const MAX_LINE_CHARACTERS = 8192;

/**
 * Cuts text that arrives in pieces into lines, at line feeds and at the carriage returns of rewritten progress lines; those
 * that are empty are left out. Numbers are from 1 and count line feeds, as editors do.
 */
export class LogLines {
  readonly #onLine: (line: string, number: number) => void;
  #line = '';
  #number = 1;
  #longLines = 0;

  constructor(onLine: (line: string, number: number) => void) {
    this.#onLine = onLine;
  }

  /** Lines of which only the beginning was looked at. */
  get longLines(): number {
    return this.#longLines;
  }

  push(text: string): void {
    for (const [piece, end] of pieces(text)) {
      const isWhole = this.#line.length + piece.length <= MAX_LINE_CHARACTERS;
      // One that is at the limit already was counted when it went beyond it.
      if (!isWhole && this.#line.length <= MAX_LINE_CHARACTERS) this.#longLines += 1;
      // One character more tells a line that was cut from one that just fits.
      if (this.#line.length <= MAX_LINE_CHARACTERS)
        this.#line += piece.slice(0, MAX_LINE_CHARACTERS + 1 - this.#line.length);
      if (end !== '') this.#endLine();
      if (end === '\n') this.#number += 1;
    }
  }

  /** The last line may have no end. */
  end(): void {
    this.#endLine();
  }

  #endLine(): void {
    if (this.#line !== '') this.#onLine(this.#line.slice(0, MAX_LINE_CHARACTERS), this.#number);
    this.#line = '';
  }
}

/** Each line, or part of one, and the character that ends it; the last one has no end. */
function* pieces(text: string): Generator<readonly [piece: string, end: '\n' | '\r' | '']> {
  let start = 0;
  for (const { index, 0: end } of text.matchAll(/[\r\n]/gu)) {
    yield [text.slice(start, index), end as '\n' | '\r'];
    start = index + 1;
  }
  yield [text.slice(start), ''];
}
