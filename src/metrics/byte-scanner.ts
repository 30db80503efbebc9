import { readSync } from 'node:fs';

const LINE_FEED = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;
const EQUALS = 61;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;

/**
 * seq_file hands out one page of whole records per read, so that a longer file needs several; no record of the files we
 * read is longer than half a page, and a read that leaves half a page free has therefore reached the end.
 */
const CERTAINLY_LAST_READ = 2048;

const isSeparator = (byte: number): boolean => byte === SPACE || byte === TAB || byte === COLON || byte === EQUALS;

/**
 * A cursor over the text of a `/proc` file that makes no strings: the sampler reads a hundred files a second, and what it
 * allocates it pays for in its own collections. Fields are separated by blanks, colons and equals signs; no call but
 * {@link nextLine} leaves the current line.
 */
export class ByteScanner {
  #bytes: Uint8Array;
  #end = 0;
  #position = 0;

  constructor(bytes: Uint8Array = new Uint8Array(16 * 1024), end: number = 0) {
    this.#bytes = bytes;
    this.#end = end;
  }

  static of(text: string): ByteScanner {
    const bytes = Buffer.from(text, 'latin1');
    return new ByteScanner(bytes, bytes.length);
  }

  /** Reads the whole file from its start; throws the system error when that fails. */
  load(fd: number): this {
    this.#position = 0;
    this.#end = 0;
    for (;;) {
      const room = this.#bytes.length - this.#end;
      const length = readSync(fd, this.#bytes, this.#end, room, this.#end);
      this.#end += length;
      if (length === 0 || (this.#end < CERTAINLY_LAST_READ && length < room)) return this;
      if (this.#end === this.#bytes.length) {
        const larger = new Uint8Array(2 * this.#bytes.length);
        larger.set(this.#bytes);
        this.#bytes = larger;
      }
    }
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#end;
  }

  /** The next field as a number; NaN, without moving, where the line has ended or the field is no integer. */
  integer(): number {
    this.#skipSeparators();
    let at = this.#position;
    const isNegative = at < this.#end && this.#bytes[at] === MINUS;
    if (isNegative) at += 1;
    const first = at;
    let value = 0;
    for (; at < this.#end; at += 1) {
      const byte = this.#bytes[at] ?? SPACE;
      if (byte < ZERO || byte > NINE) break;
      value = value * 10 + (byte - ZERO);
    }
    if (at === first) return Number.NaN;
    this.#position = at;
    return isNegative ? -value : value;
  }

  /** The next field as text; empty where the line has ended. */
  word(): string {
    this.#skipSeparators();
    const first = this.#position;
    this.#skipField();
    return String.fromCharCode(...this.#bytes.subarray(first, this.#position));
  }

  skipFields(count: number): void {
    for (let skipped = 0; skipped < count; skipped += 1) {
      this.#skipSeparators();
      this.#skipField();
    }
  }

  /** Whether the rest of the line starts with `text`; moves behind it if so. */
  accept(text: string): boolean {
    if (this.#position + text.length > this.#end) return false;
    for (let index = 0; index < text.length; index += 1) {
      if (this.#bytes[this.#position + index] !== text.charCodeAt(index)) return false;
    }
    this.#position += text.length;
    return true;
  }

  /** Moves behind the last `character` of the whole text, e.g. the end of a process name that may hold anything. */
  skipPastLast(character: string): boolean {
    const index = this.#bytes.lastIndexOf(character.charCodeAt(0), this.#end - 1);
    if (index < 0) return false;
    this.#position = index + 1;
    return true;
  }

  /** Moves to the start of the next line; false when there is none. */
  nextLine(): boolean {
    const index = this.#bytes.indexOf(LINE_FEED, this.#position);
    this.#position = index < 0 || index >= this.#end ? this.#end : index + 1;
    return this.#position < this.#end;
  }

  #skipSeparators(): void {
    while (this.#position < this.#end && isSeparator(this.#bytes[this.#position] ?? LINE_FEED)) this.#position += 1;
  }

  #skipField(): void {
    while (this.#position < this.#end) {
      const byte = this.#bytes[this.#position] ?? LINE_FEED;
      if (byte === LINE_FEED || isSeparator(byte)) return;
      this.#position += 1;
    }
  }
}
