import { frameFlags, frameTypes, type FrameHeader } from './frame.ts';
import { ConnectionFault, errorCodes } from './http2-error.ts';

/** Encoded bytes of a whole block; no field of PBS comes near, and what is above is not worth decoding. */
const MAX_BLOCK_BYTES = 64 * 1024;
/** A block of this length in frames of 16 KiB needs five. */
const MAX_CONTINUATIONS = 16;

const PRIORITY_BYTES = 5;

/** A header block that may go on in CONTINUATION frames (RFC 9113 sections 4.3, 6.2, 6.6 and 6.10). */
export class HeaderBlock {
  readonly streamId: number;
  /** The one that a PUSH_PROMISE announces. */
  readonly promisedStreamId: number | undefined;
  readonly isEndOfStream: boolean;
  /** Of the deprecated priority, only what must be refused. */
  readonly dependsOnItself: boolean;
  #fragments: Buffer[];
  #bytes: number;
  #continuations = 0;

  /** @throws ConnectionFault */
  constructor({ type, flags, streamId, length }: FrameHeader, payload: Buffer) {
    this.streamId = streamId;
    this.isEndOfStream = type === frameTypes.headers && (flags & frameFlags.endStream) !== 0;
    let start = 0;
    let end = length;
    if ((flags & frameFlags.padded) !== 0) {
      if (length === 0) throw frameSize('padded');
      start = 1;
      end -= payload[0] ?? 0;
    }
    let dependsOn: number | undefined;
    if (type === frameTypes.headers && (flags & frameFlags.priority) !== 0) {
      if (length < start + PRIORITY_BYTES) throw frameSize('HEADERS');
      dependsOn = streamDependency(payload, start);
      start += PRIORITY_BYTES;
    }
    this.dependsOnItself = dependsOn === streamId;
    if (type === frameTypes.pushPromise) {
      if (length < start + 4) throw frameSize('PUSH_PROMISE');
      this.promisedStreamId = payload.readUInt32BE(start) & 0x7fff_ffff;
      start += 4;
    }
    if (start > end)
      throw new ConnectionFault(errorCodes.protocolError, 'the padding of a frame is longer than the frame');
    this.#bytes = end - start;
    this.#fragments = [Buffer.from(payload.subarray(start, end))];
  }

  /** @throws ConnectionFault for a flood of them */
  continue(payload: Buffer): void {
    this.#continuations += 1;
    this.#bytes += payload.length;
    if (this.#continuations > MAX_CONTINUATIONS)
      throw new ConnectionFault(errorCodes.enhanceYourCalm, 'a header block has too many CONTINUATION frames');
    checkBlockBytes(this.#bytes);
    this.#fragments.push(Buffer.from(payload));
  }

  get bytes(): Buffer {
    const [only] = this.#fragments;
    return this.#fragments.length === 1 && only !== undefined ? only : Buffer.concat(this.#fragments);
  }
}

/** @throws ConnectionFault where no header block may be so long */
export function checkBlockBytes(bytes: number): void {
  if (bytes > MAX_BLOCK_BYTES)
    throw new ConnectionFault(errorCodes.enhanceYourCalm, `a header block has more than ${MAX_BLOCK_BYTES} bytes`);
}

/** Which stream a PRIORITY makes its stream depend on; the exclusive flag is left out (RFC 7540 section 6.3). */
export function streamDependency(payload: Buffer, start: number): number {
  return payload.readUInt32BE(start) & 0x7fff_ffff;
}

const frameSize = (name: string): ConnectionFault =>
  new ConnectionFault(errorCodes.frameSizeError, `a ${name} frame is too short for what its flags say`);
