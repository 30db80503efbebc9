import type { Outgoing } from './frame-sender.ts';
import type { ReceiveWindow } from './receive-window.ts';

/** What both ends know of a stream; each adds what it does with what arrives. */
export abstract class Http2Stream {
  readonly id: number;
  readonly receiveWindow: ReceiveWindow;
  /** What may still be sent; negative after the other end has made its windows smaller (RFC 9113 section 6.9.2). */
  sendWindow: number;
  /** What is being sent. */
  outgoing: Outgoing | undefined;
  /** The other end has sent END_STREAM. */
  isRemoteEnded = false;
  /** This end has sent END_STREAM. */
  isLocalEnded = false;

  constructor(id: number, receiveWindow: ReceiveWindow, sendWindow: number) {
    this.id = id;
    this.receiveWindow = receiveWindow;
    this.sendWindow = sendWindow;
  }

  /** A piece of the body: `bytes` from `start` to `end`, valid only during the call. May throw a StreamFault. */
  abstract receiveData(bytes: Buffer, start: number, end: number): void;

  /** The first DATA frame that holds something has begun. May throw as {@link receiveData}. */
  bodyBegins(): void {}

  /** Where the next `length` bytes of the body belong, if they can be written there unseen. */
  placeForData(_length: number): Uint8Array | undefined {
    return undefined;
  }

  /** So many bytes of the body have arrived in that place. */
  dataPlaced(_length: number): void {}

  /** The other end has ended its side; every byte of the body was given. May throw a StreamFault. */
  abstract receiveEnd(): void;

  /** The stream is over before its time: reset by either end, or its connection lost. Called at most once. */
  abstract fail(error: Error): void;
}

/** The other end has reset the stream. */
export class StreamReset extends Error {
  readonly code: number;

  constructor(code: number, name: string) {
    super(`the stream was reset with ${name}`);
    this.name = 'StreamReset';
    this.code = code;
  }
}
