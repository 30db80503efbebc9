import { FRAME_HEADER_BYTES, frameFlags, frameTypes, type FrameHeader } from './frame.ts';
import { ConnectionFault, errorCodes } from './http2-error.ts';

/** What becomes of the frames of the other end. Anything thrown ends the reading and reaches the caller of `read`. */
export interface FrameVisitor {
  /**
   * The header of a frame, before its payload. Returns whether the payload is wanted; throws where the frame may not be
   * that long or not come now. Of DATA the answer is not used.
   */
  frameBegins(header: FrameHeader): boolean;
  /** A piece of a DATA payload without padding: `bytes` from `start` to `end`, valid only during the call. */
  dataPiece(bytes: Buffer, start: number, end: number): void;
  /** All of a DATA frame has been given. `paddingBytes` are its other bytes, which count in windows too (6.1). */
  dataEnds(header: FrameHeader, paddingBytes: number): void;
  /** The whole payload of another frame, valid only during the call. */
  frame(header: FrameHeader, payload: Buffer): void;
}

const nothing: Buffer = Buffer.alloc(0);

/**
 * Takes the bytes of one direction of a connection apart, in pieces of any size. Payloads of DATA pass through in the
 * pieces in which they arrive; those of other frames are collected, which the visitor bounds in `frameBegins`.
 */
export class FrameReader {
  readonly #visitor: FrameVisitor;
  readonly #headerBytes: Buffer = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #header: FrameHeader | undefined;
  /** Bytes of the payload that have not arrived. */
  #payloadLeft = 0;
  /** Of these, the padding at the end; of DATA only. */
  #paddingLeft = 0;
  #paddingBytes = 0;
  #awaitsPadLength = false;
  #collected: Buffer = nothing;
  #collectedBytes = 0;
  #isWanted = false;
  #isPaused = false;

  constructor(visitor: FrameVisitor) {
    this.#visitor = visitor;
  }

  /** Inside a frame: a connection that ends here was cut. */
  get isInFrame(): boolean {
    return this.#header !== undefined || this.#headerFilled > 0;
  }

  /** Bytes of the present DATA frame that have not arrived, padding left out; 0 where something else comes next. */
  get dataLeft(): number {
    return this.#header?.type === frameTypes.data && !this.#awaitsPadLength ? this.#payloadLeft - this.#paddingLeft : 0;
  }

  /** So many bytes of {@link dataLeft} have arrived, and are where they belong already. */
  skipData(bytes: number): void {
    this.#payloadLeft -= bytes;
    this.#endDataIfWhole();
  }

  /** Ends the reading after the visitor's present call. */
  pause(): void {
    this.#isPaused = true;
  }

  /**
   * Reads from `start`; returns where it stopped, which is the end unless the visitor has paused it.
   * @throws ConnectionFault, and whatever the visitor throws; nothing can be read after that
   */
  read(bytes: Buffer, start: number, end: number): number {
    this.#isPaused = false;
    let at = start;
    while (at < end && !this.#isPaused) at = this.#step(bytes, at, end);
    return at;
  }

  #step(bytes: Buffer, at: number, end: number): number {
    const header = this.#header;
    if (header === undefined) return this.#readHeader(bytes, at, end);
    if (header.type === frameTypes.data) return this.#readData(bytes, at, end);
    const taken = Math.min(end - at, this.#payloadLeft);
    this.#payloadLeft -= taken;
    if (this.#isWanted) this.#collect(header, bytes, at, at + taken);
    else if (this.#payloadLeft === 0) this.#header = undefined;
    return at + taken;
  }

  #readHeader(bytes: Buffer, at: number, end: number): number {
    const taken = Math.min(end - at, FRAME_HEADER_BYTES - this.#headerFilled);
    bytes.copy(this.#headerBytes, this.#headerFilled, at, at + taken);
    this.#headerFilled += taken;
    if (this.#headerFilled === FRAME_HEADER_BYTES) {
      this.#headerFilled = 0;
      this.#begin(parseFrameHeader(this.#headerBytes));
    }
    return at + taken;
  }

  #begin(header: FrameHeader): void {
    this.#header = header;
    this.#payloadLeft = header.length;
    this.#paddingLeft = 0;
    this.#paddingBytes = 0;
    this.#awaitsPadLength = header.type === frameTypes.data && (header.flags & frameFlags.padded) !== 0;
    this.#isWanted = this.#visitor.frameBegins(header);
    if (header.length > 0) return;
    this.#header = undefined;
    // Section 4.2: too short for what its flags say.
    if (this.#awaitsPadLength)
      throw new ConnectionFault(
        errorCodes.frameSizeError,
        'a padded DATA frame does not say how much of it is padding',
      );
    if (header.type === frameTypes.data) this.#visitor.dataEnds(header, 0);
    else if (this.#isWanted) this.#visitor.frame(header, nothing);
  }

  #readData(bytes: Buffer, at: number, end: number): number {
    let next = at;
    if (this.#awaitsPadLength) {
      this.#awaitsPadLength = false;
      this.#paddingLeft = bytes[next++] ?? 0;
      this.#payloadLeft -= 1;
      this.#paddingBytes = this.#paddingLeft + 1;
      // RFC 9113 section 6.1.
      if (this.#paddingLeft > this.#payloadLeft) throw padding();
    }
    const data = Math.min(end - next, this.#payloadLeft - this.#paddingLeft);
    if (data > 0) {
      this.#payloadLeft -= data;
      this.#visitor.dataPiece(bytes, next, next + data);
      next += data;
    }
    const padded = Math.min(end - next, this.#payloadLeft === this.#paddingLeft ? this.#paddingLeft : 0);
    this.#paddingLeft -= padded;
    this.#payloadLeft -= padded;
    this.#endDataIfWhole();
    return next + padded;
  }

  #endDataIfWhole(): void {
    const header = this.#header;
    if (header === undefined || this.#payloadLeft > 0) return;
    this.#header = undefined;
    this.#visitor.dataEnds(header, this.#paddingBytes);
  }

  #collect(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    if (this.#collectedBytes === 0 && this.#payloadLeft === 0) {
      this.#header = undefined;
      this.#visitor.frame(header, bytes.subarray(start, end));
      return;
    }
    if (this.#collectedBytes === 0) this.#collected = Buffer.allocUnsafe(header.length);
    bytes.copy(this.#collected, this.#collectedBytes, start, end);
    this.#collectedBytes += end - start;
    if (this.#payloadLeft > 0) return;
    const payload = this.#collected;
    this.#collected = nothing;
    this.#collectedBytes = 0;
    this.#header = undefined;
    this.#visitor.frame(header, payload);
  }
}

/** The reserved bit is ignored (4.1). */
function parseFrameHeader(bytes: Buffer): FrameHeader {
  return {
    length: bytes.readUIntBE(0, 3),
    type: bytes.readUInt8(3),
    flags: bytes.readUInt8(4),
    streamId: bytes.readUInt32BE(5) & 0x7fff_ffff,
  };
}

const padding = (): ConnectionFault =>
  new ConnectionFault(errorCodes.protocolError, 'the padding of a DATA frame is longer than the frame');
