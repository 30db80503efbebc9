import type { Duplex } from 'node:stream';

/** What `node:net` reads with. Its own `pause` does not reach it once `node:http2` has taken the socket over. */
interface ReadingHandle {
  readStart(): void;
  readStop(): void;
}

/** Stops the reading of a socket that `node:http2` reads, for as long as anybody holds it back. */
export class SocketPause {
  readonly #socket: Duplex & { readonly _handle?: ReadingHandle | null };
  #holders = 0;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Reading stops until the function that this returns was called, once or more often, and those of all others. */
  hold(): () => void {
    this.#holders += 1;
    if (this.#holders === 1) this.#stop();
    let isHolding = true;
    return () => {
      if (!isHolding) return;
      isHolding = false;
      this.#holders -= 1;
      if (this.#holders === 0) this.#start();
    };
  }

  /** To be called when bytes arrive all the same: node:http2 starts to read again by itself after each write. */
  noteArrival(): void {
    if (this.#holders > 0) this.#stop();
  }

  #stop(): void {
    const { _handle: handle } = this.#socket;
    if (handle === undefined) this.#socket.pause();
    else handle?.readStop();
  }

  #start(): void {
    if (this.#socket.destroyed) return;
    const { _handle: handle } = this.#socket;
    if (handle === undefined) this.#socket.resume();
    else handle?.readStart();
  }
}
