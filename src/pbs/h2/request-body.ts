import { BodyTooLong } from '../transport/body-too-long.ts';
import type { BodyDestination } from '../transport/transport.ts';

export type ChooseDestination = () => BodyDestination | Promise<BodyDestination>;

/** The body of one request on its way to whoever takes it; of a body that nobody takes every byte is thrown away. */
export class RequestBody {
  readonly #result: PromiseWithResolvers<number> = Promise.withResolvers<number>();
  #choose: ChooseDestination | undefined;
  #destination: BodyDestination | undefined;
  /** Settled when the destination is known, where it was promised. */
  #waiting: Promise<void> | undefined;
  #bytes = 0;
  #hasBegun = false;
  #hasEnded = false;

  constructor() {
    // Who takes the body need not wait for it.
    this.#result.promise.catch(() => {});
  }

  /** Received so far, whether anybody took them or not. */
  get bytes(): number {
    return this.#bytes;
  }

  async take(choose: ChooseDestination): Promise<number> {
    if (this.#choose !== undefined || this.#bytes > 0) throw new Error('the body of the request is gone');
    this.#choose = choose;
    if (this.#hasEnded) this.#result.resolve(0);
    return await this.#result.promise;
  }

  /**
   * The first bytes are about to come. Returns what must have settled before any is given to {@link receive}: never
   * rejects.
   */
  begin(): Promise<unknown> | undefined {
    if (this.#hasBegun || this.#choose === undefined) return undefined;
    this.#hasBegun = true;
    try {
      const chosen = this.#choose();
      if (!(chosen instanceof Promise)) {
        this.#destination = chosen;
        return undefined;
      }
      this.#waiting = chosen.then(
        (given) => {
          this.#destination = given;
        },
        (error: unknown) => this.fail(error as Error),
      );
      // Whichever comes first: a request that is over must not hold the others back.
      return Promise.race([this.#waiting, this.#result.promise.catch(() => {})]);
    } catch (error) {
      this.fail(error as Error);
      return undefined;
    }
  }

  /** The next piece: `bytes` from `start` to `end`, valid only during the call. */
  receive(bytes: Buffer, start: number, end: number): void {
    const offset = this.#bytes;
    this.#bytes += end - start;
    const destination = this.#destination;
    if (destination === undefined) return;
    if (!(destination instanceof Uint8Array)) {
      this.#give(destination, bytes.subarray(start, end));
      return;
    }
    if (this.#bytes > destination.length) this.fail(new BodyTooLong(destination.length));
    else bytes.copy(destination, offset, start, end);
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#choose !== undefined) this.#result.resolve(this.#bytes);
  }

  /** Nothing more goes to the destination; harmless once the body has ended. */
  fail(error: Error): void {
    this.#destination = undefined;
    this.#choose ??= refuse;
    this.#result.reject(error);
  }

  #give(destination: (piece: Uint8Array) => void, piece: Uint8Array): void {
    try {
      destination(piece);
    } catch (error) {
      this.fail(error as Error);
    }
  }
}

const refuse: ChooseDestination = () => {
  throw new Error('the request is over');
};
