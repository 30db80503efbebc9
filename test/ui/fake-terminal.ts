import type { OutputStream } from '../../src/ui/output-stream.ts';

const ESCAPE = '\u001B';

/** A terminal that understands what a live region sends, reflows wrapped lines on resize, and shows its screen as lines. */
export class FakeTerminal implements OutputStream {
  readonly isTTY = true;
  columns: number;
  rows: number;
  /** Everything that was written, as it was. */
  written = '';
  /** Characters that were ended with a line feed, one entry a line, wrapped only when shown. */
  #lines: string[] = [''];
  readonly #listeners: Set<() => void> = new Set();

  constructor(columns = 40, rows = 10) {
    this.columns = columns;
    this.rows = rows;
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  on(_event: 'resize', listener: () => void): void {
    this.#listeners.add(listener);
  }

  off(_event: 'resize', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  resize(columns: number): void {
    this.columns = columns;
    for (const listener of this.#listeners) listener();
  }

  write(text: string): void {
    this.written += text;
    let rest = text;
    while (rest !== '') {
      const up = new RegExp(`^${ESCAPE}\\[(\\d+)A`, 'u').exec(rest);
      if (up !== null) {
        this.#up(Number(up[1]));
        rest = rest.slice(up[0].length);
      } else if (rest.startsWith(`${ESCAPE}[J`)) {
        rest = rest.slice(3);
      } else {
        const [character = ''] = rest;
        if (character === '\n') this.#lines.push('');
        else if (character !== '\r') this.#lines.push((this.#lines.pop() ?? '') + character);
        rest = rest.slice(character.length);
      }
    }
  }

  /** Lines on the screen above the cursor, wrapped as they are shown. */
  get screen(): string[] {
    return this.#lines.slice(0, -1).flatMap((line) => this.#wrapped(line));
  }

  /** Only ever followed by an erase down to the end, so lines below are dropped at once. */
  #up(count: number): void {
    let left = count;
    this.#lines.pop();
    while (left > 0) {
      const line = this.#lines.pop();
      if (line === undefined) break;
      left -= this.#wrapped(line).length;
    }
    if (left < 0) throw new Error('the cursor went up into the middle of a wrapped line');
    this.#lines.push('');
  }

  #wrapped(line: string): string[] {
    const rows: string[] = [];
    for (let start = 0; start < line.length || start === 0; start += this.columns)
      rows.push(line.slice(start, start + this.columns));
    return rows;
  }
}
