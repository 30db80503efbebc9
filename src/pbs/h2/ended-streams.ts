/** How a stream ended: by a reset from this end, or in any other way. */
export type StreamEnding = 'reset-here' | 'done';

/** More than can be open at a time, and than a sane peer has on its way when it hears of a reset. */
const REMEMBERED = 1024;

/** The streams that ended last, so that late frames can be told from wrong ones (RFC 9113 section 5.1, closed). */
export class EndedStreams {
  readonly #endings: Map<number, StreamEnding> = new Map();

  add(streamId: number, ending: StreamEnding): void {
    this.#endings.set(streamId, ending);
    if (this.#endings.size <= REMEMBERED) return;
    const [oldest] = this.#endings.keys();
    if (oldest !== undefined) this.#endings.delete(oldest);
  }

  /** Undefined where it is not remembered. */
  how(streamId: number): StreamEnding | undefined {
    return this.#endings.get(streamId);
  }
}
