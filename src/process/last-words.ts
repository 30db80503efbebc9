import { stripVTControlCharacters } from 'node:util';

/** Lines of a program's last words that an error repeats. */
const LAST_LINES = 8;

/** More than that many characters are forgotten from the front. */
const KEPT_CHARACTERS = 8192;

/** What a program said last, on all streams that are pushed, without the secrets that it was given. */
export class LastWords {
  readonly #secrets: readonly string[];
  #text = '';

  constructor(secrets: readonly string[] = []) {
    this.#secrets = secrets.filter((secret) => secret !== '');
  }

  push(bytes: Uint8Array): void {
    const longest = Math.max(0, ...this.#secrets.map(({ length }) => length));
    // A secret that is cut at the front is no longer recognised: that much more is kept, and hidden before it is cut.
    this.#text = (this.#text + Buffer.from(bytes).toString('utf8')).slice(-(KEPT_CHARACTERS + longest));
  }

  /** The last lines, each on a line of its own; empty for a program that said nothing. */
  get lines(): string {
    let plain = this.#text;
    for (const secret of this.#secrets) plain = plain.replaceAll(secret, '(secret)');
    plain = stripVTControlCharacters(plain).slice(-KEPT_CHARACTERS);
    const lines = plain
      .split(/[\r\n]+/u)
      .map((line) => line.replaceAll(/[\p{Cc}\p{Cf}]/gu, ''))
      .filter((line) => line.trim() !== '');
    return lines.slice(-LAST_LINES).join('\n');
  }
}
