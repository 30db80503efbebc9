import type { Clock } from '../model/ports.ts';
import { displayWidth, truncateToWidth } from './display-width.ts';
import type { Environment, OutputStream } from './output-stream.ts';

export interface LiveRegionOptions {
  readonly stream: OutputStream;
  readonly env: Environment;
  readonly clock: Pick<Clock, 'now'>;
  /** Least time between two plain lines where the stream is no terminal. */
  readonly plainIntervalMs?: number;
}

/** Faster redraws are not seen but cost CPU on the very machine that is being measured. */
const REDRAW_INTERVAL_MS = 100;

const PLAIN_INTERVAL_MS = 5000;

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

const ERASE_BELOW = '\u001B[J';
const upBy = (lines: number): string => (lines > 0 ? `\u001B[${lines}A` : '');

/**
 * The last lines of a terminal, redrawn in place; on any other stream a plain line now and then. It draws only when
 * it is told to, has no timers, and hides nothing, so a process that dies leaves the terminal as it should be.
 */
export class LiveRegion implements Disposable {
  readonly #stream: OutputStream;
  readonly #isTerminal: boolean;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #plainIntervalMs: number;
  /** What is on the screen now, as drawn. */
  #drawn: readonly string[] = [];
  #wanted: readonly string[] = [];
  #lastWriteMs = -Infinity;
  #lastPlain = '';
  #ended = false;

  constructor({ stream, env, clock, plainIntervalMs = PLAIN_INTERVAL_MS }: LiveRegionOptions) {
    this.#stream = stream;
    this.#isTerminal = stream.isTTY === true && env['TERM'] !== 'dumb';
    this.#clock = clock;
    this.#plainIntervalMs = plainIntervalMs;
    if (this.#isTerminal) stream.on?.('resize', this.#redraw);
  }

  /** Whether an update would be seen now; where making its text has a cost that matters, ask first. */
  get isDue(): boolean {
    if (this.#ended) return false;
    return this.#clock.now() - this.#lastWriteMs >= (this.#isTerminal ? REDRAW_INTERVAL_MS : this.#plainIntervalMs);
  }

  /**
   * Shows `lines` in place of the ones before; too frequent calls are held back and shown with a later one.
   * `plain` is what a stream that is no terminal gets instead, the first line unless given.
   */
  update(lines: readonly string[], plain: string = lines[0] ?? ''): void {
    if (this.#ended) return;
    this.#wanted = lines;
    if (!this.isDue) return;
    const now = this.#clock.now();
    if (this.#isTerminal) {
      this.#lastWriteMs = now;
      this.#redraw();
    } else if (plain !== '' && plain !== this.#lastPlain) {
      this.#lastWriteMs = now;
      this.#lastPlain = plain;
      this.#stream.write(`${plain}\n`);
    }
  }

  /** Prints lines that stay, above the region. */
  print(text: string): void {
    const ended = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    if (!this.#isTerminal || this.#ended) {
      this.#stream.write(ended);
      return;
    }
    const erased = this.#eraseDrawn();
    this.#stream.write(erased + ended + this.#draw());
  }

  /** Removes the region from the screen; what was printed stays. Later updates show nothing. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#isTerminal) return;
    this.#stream.off?.('resize', this.#redraw);
    const erased = this.#eraseDrawn();
    if (erased !== '') this.#stream.write(erased);
  }

  [Symbol.dispose](): void {
    this.end();
  }

  readonly #redraw = (): void => {
    const erased = this.#eraseDrawn();
    const drawn = this.#draw();
    if (erased !== '' || drawn !== '') this.#stream.write(erased + drawn);
  };

  /** Goes to the first cell of the region and clears from there; one write with what follows, so nothing flickers. */
  #eraseDrawn(): string {
    if (this.#drawn.length === 0) return '';
    // A terminal that became narrower has wrapped the lines it already showed: they take more rows now.
    const columns = this.#columns();
    const rows = this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)), 0);
    this.#drawn = [];
    return `\r${upBy(Math.min(rows, this.#rows() - 1))}${ERASE_BELOW}`;
  }

  #draw(): string {
    // The last column is left free: some terminals wrap as soon as it is filled. The cursor needs a row of its own.
    const columns = this.#columns() - 1;
    this.#drawn = this.#wanted
      .slice(0, Math.max(1, this.#rows() - 1))
      .map((line) => truncateToWidth(line.replaceAll(/[\r\n]+/gu, ' '), columns));
    return this.#drawn.map((line) => `${line}\n`).join('');
  }

  #columns(): number {
    return Math.max(2, this.#stream.columns ?? DEFAULT_COLUMNS);
  }

  #rows(): number {
    return Math.max(2, this.#stream.rows ?? DEFAULT_ROWS);
  }
}
