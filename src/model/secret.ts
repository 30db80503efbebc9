import { inspect } from 'node:util';

const HIDDEN = '[secret]';

/** A password, the secret of a token, a key: a text that no message, log, report or JSON shows by accident. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself: for what sends it, or derives a key from it, and for nothing else. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  static {
    Object.defineProperty(this.prototype, inspect.custom, { value: () => HIDDEN });
  }
}
