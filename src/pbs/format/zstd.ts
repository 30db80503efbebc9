import { constants, zstdCompressSync, zstdDecompressSync, type ZstdOptions } from 'node:zlib';

import { IntegrityError } from '../../model/errors.ts';

/** As every PBS client does (spec 12.1). */
const LEVEL = 1;

/** Output buffer for a frame that does not say how long its content is. */
const UNKNOWN_CONTENT_BYTES = 1024 * 1024;

/** Node refuses a `chunkSize` below this. */
const MIN_OUTPUT_BYTES = 64;

/** RFC 8878, 3.1.1. */
const FRAME_MAGIC = 0xfd2fb528;

/** RFC 8878, 3.1.2: 0x184d2a50 to 0x184d2a5f, then the length of what is to be skipped. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_HEADER_BYTES = 8;

/**
 * Real encoders write one frame. Each costs Node a decompressor of its own, so that 16 MiB of empty frames would take
 * most of a minute.
 */
const MAX_FRAMES = 4096;

/** One zstd frame at level 1 with its content size, as `ZSTD_compress` makes it. */
export function compressZstd(plain: Uint8Array): Uint8Array {
  return zstdCompressSync(plain, {
    // With room for the worst case (ZSTD_compressBound) the library compresses straight into the output, in one go.
    chunkSize: plain.length + (plain.length >> 8) + 1024,
    params: { [constants.ZSTD_c_compressionLevel]: LEVEL },
  });
}

/**
 * Content of one or more concatenated zstd frames.
 * @throws IntegrityError `blob-zstd` when they are damaged or cut short, `blob-too-large` above `maxPlainBytes`
 */
export function decompressZstd(frames: Uint8Array, maxPlainBytes: number): Uint8Array {
  const contents: Uint8Array[] = [];
  let rest = frames;
  let left = maxPlainBytes;
  do {
    const skipped = skippableBytes(rest);
    if (skipped !== undefined) {
      rest = rest.subarray(skipped);
      continue;
    }
    if (contents.length === MAX_FRAMES) throw damaged(`more than ${MAX_FRAMES} frames`);
    const { content, consumed } = decompressFrame(rest, left, maxPlainBytes);
    contents.push(content);
    left -= content.length;
    rest = rest.subarray(consumed);
  } while (rest.length > 0);
  return contents.length === 1 && contents[0] !== undefined ? contents[0] : Buffer.concat(contents);
}

interface DecodedFrame {
  readonly content: Uint8Array;
  /** Bytes of the input that were this frame: Node stops there and drops what follows. */
  readonly consumed: number;
}

function decompressFrame(frame: Uint8Array, left: number, maxPlainBytes: number): DecodedFrame {
  const declared = declaredContentBytes(frame);
  if (declared !== undefined && declared > left) throw tooLarge(maxPlainBytes);
  const options: ZstdOptions = {
    // One byte more than the content: a buffer that is exactly full makes Node allocate another one.
    chunkSize: Math.max(MIN_OUTPUT_BYTES, Math.min(left, declared ?? UNKNOWN_CONTENT_BYTES) + 1),
    // Node takes no bound of 0; an empty last frame is still accepted with it.
    maxOutputLength: Math.max(1, left),
    info: true,
  };
  try {
    // With `info` the result is not the buffer that the types promise.
    const result = zstdDecompressSync(frame, options) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    if (result.buffer.length > left) throw tooLarge(maxPlainBytes);
    if (result.engine.bytesWritten === 0) throw damaged('no frame at its start');
    return { content: result.buffer, consumed: result.engine.bytesWritten };
  } catch (error) {
    if (error instanceof IntegrityError) throw error;
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(maxPlainBytes);
    throw damaged((error as Error).message, error);
  }
}

/** Length of the skippable frame at the start, if there is one; never beyond the input. */
function skippableBytes(frames: Uint8Array): number | undefined {
  if (frames.length < SKIPPABLE_HEADER_BYTES) return undefined;
  const view = new DataView(frames.buffer, frames.byteOffset, SKIPPABLE_HEADER_BYTES);
  if (view.getUint32(0, true) >>> 4 !== SKIPPABLE_MAGIC >>> 4) return undefined;
  const bytes = SKIPPABLE_HEADER_BYTES + view.getUint32(4, true);
  if (bytes > frames.length) throw damaged('unexpected end of a skippable frame');
  return bytes;
}

/** What the frame's header says of its content (RFC 8878, 3.1.1.1); undefined where it says nothing. */
function declaredContentBytes(frame: Uint8Array): number | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 5 || view.getUint32(0, true) !== FRAME_MAGIC) return undefined;
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const start = 5 + (singleSegment ? 0 : 1) + dictionaryIdBytes;
  const bytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  if (bytes === 0 || frame.length < start + bytes) return undefined;
  if (bytes === 1) return view.getUint8(start);
  if (bytes === 2) return view.getUint16(start, true) + 256;
  if (bytes === 4) return view.getUint32(start, true);
  return Number(view.getBigUint64(start, true));
}

const tooLarge = (maxPlainBytes: number): IntegrityError =>
  new IntegrityError(`the blob holds more than the ${maxPlainBytes} bytes expected`, {
    code: 'blob-too-large',
    hint: 'the data are damaged: run a verify job on the server',
  });

const damaged = (what: string, cause?: unknown): IntegrityError =>
  new IntegrityError(`the zstd data of the blob cannot be decompressed: ${what}`, {
    code: 'blob-zstd',
    hint: 'the data are damaged: run a verify job on the server',
    cause,
  });
