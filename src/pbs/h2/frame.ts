/** Types of frames, RFC 9113 section 6. */
export const frameTypes = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

/** Flags of frames, RFC 9113 section 6. The same bit means `ack` in SETTINGS and PING and `endStream` elsewhere. */
export const frameFlags = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const FRAME_HEADER_BYTES = 9;

/** Smallest value of SETTINGS_MAX_FRAME_SIZE, and what holds until the first SETTINGS (6.5.2). */
export const DEFAULT_MAX_FRAME_SIZE = 16_384;
/** Largest value of SETTINGS_MAX_FRAME_SIZE (6.5.2). */
export const LARGEST_MAX_FRAME_SIZE: number = 2 ** 24 - 1;
/** Window of every stream and of the connection until something else is said (6.9.2). */
export const DEFAULT_WINDOW_SIZE = 65_535;
/** No window may grow beyond (6.9.1). */
export const LARGEST_WINDOW_SIZE: number = 2 ** 31 - 1;

/** The 24 bytes with which a client begins (3.4). */
export const connectionPreface: Uint8Array = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export interface FrameHeader {
  /** Bytes of the payload. */
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  /** 0 is the connection itself. */
  readonly streamId: number;
}

/** Writes the header of a frame (4.1) at the start of `bytes`. */
export function writeFrameHeader(bytes: Uint8Array, { length, type, flags, streamId }: FrameHeader): void {
  bytes[0] = length >>> 16;
  bytes[1] = length >>> 8;
  bytes[2] = length;
  bytes[3] = type;
  bytes[4] = flags;
  bytes[5] = streamId >>> 24;
  bytes[6] = streamId >>> 16;
  bytes[7] = streamId >>> 8;
  bytes[8] = streamId;
}

export function frameHeader(header: FrameHeader): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  writeFrameHeader(bytes, header);
  return bytes;
}

/** A whole frame with a copy of the payload; for the small ones. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  writeFrameHeader(bytes, { length: payload.length, type, flags, streamId });
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

export function windowUpdateFrame(streamId: number, increment: number): Buffer {
  return frame(frameTypes.windowUpdate, 0, streamId, uint32(increment));
}

export function rstStreamFrame(streamId: number, code: number): Buffer {
  return frame(frameTypes.rstStream, 0, streamId, uint32(code));
}

export function goawayFrame(lastStreamId: number, code: number): Buffer {
  return frame(frameTypes.goaway, 0, 0, Buffer.concat([uint32(lastStreamId), uint32(code)]));
}

/** @param opaque 8 bytes */
export function pingFrame(opaque: Uint8Array, isAck: boolean): Buffer {
  return frame(frameTypes.ping, isAck ? frameFlags.ack : 0, 0, opaque);
}

/** HEADERS, and CONTINUATION where the block does not fit the other end's frames (6.2, 6.10). */
export function headersFrames(streamId: number, block: Uint8Array, isEnd: boolean, maxFrameSize: number): Buffer {
  const frames: Buffer[] = [];
  for (let start = 0; start === 0 || start < block.length; start += maxFrameSize) {
    const piece = block.subarray(start, start + maxFrameSize);
    const isLast = start + piece.length >= block.length;
    const flags = (isLast ? frameFlags.endHeaders : 0) | (start === 0 && isEnd ? frameFlags.endStream : 0);
    frames.push(frame(start === 0 ? frameTypes.headers : frameTypes.continuation, flags, streamId, piece));
  }
  return frames.length === 1 && frames[0] !== undefined ? frames[0] : Buffer.concat(frames);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
