// Frames as bytes, written for tests from RFC 9113 alone: nothing here is shared with src/pbs/h2, and everything can be
// written wrongly on purpose.

/** RFC 9113 section 6. */
export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** RFC 9113 section 7. */
export const errorCodes = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
} as const;

export type ErrorCodeName = keyof typeof errorCodes;

/** RFC 9113 section 6.5.2. */
export const settingIds = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

export interface FrameParts {
  readonly flags?: number;
  readonly stream?: number;
  readonly payload?: Uint8Array;
  /** Said instead of the payload's own length. */
  readonly length?: number;
}

export const preface: Uint8Array = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export const maxWindow = 0x7fff_ffff;

/** Any frame at all: type, flags, stream and length are not checked. */
export function frame(type: number, { flags: bits = 0, stream = 0, payload, length }: FrameParts = {}): Buffer {
  const body = payload ?? new Uint8Array(0);
  const bytes = Buffer.alloc(9 + body.length);
  bytes.writeUIntBE(length ?? body.length, 0, 3);
  bytes[3] = type;
  bytes[4] = bits;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(body, 9);
  return bytes;
}

export const text = (value: string): Buffer => Buffer.from(value, 'latin1');

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

interface Ends {
  readonly endStream?: boolean;
}

/** DATA; with `padding`, so many bytes of it. */
export function data(
  stream: number,
  payload: Uint8Array,
  { endStream = false, padding }: Ends & { readonly padding?: number } = {},
): Buffer {
  const isPadded = padding !== undefined;
  return frame(frameTypes.data, {
    stream,
    flags: (endStream ? flags.endStream : 0) | (isPadded ? flags.padded : 0),
    payload: isPadded ? Buffer.concat([Uint8Array.of(padding), payload, Buffer.alloc(padding)]) : payload,
  });
}

export interface Priority {
  readonly dependsOn?: number;
  readonly isExclusive?: boolean;
  /** As sent: the weight less one. */
  readonly weight?: number;
}

const priorityPayload = ({ dependsOn = 0, isExclusive = false, weight = 255 }: Priority): Buffer =>
  Buffer.concat([uint32((dependsOn | (isExclusive ? 0x8000_0000 : 0)) >>> 0), Uint8Array.of(weight)]);

/** HEADERS; ends header block and stream unless told otherwise. */
export function headers(
  stream: number,
  block: Uint8Array,
  {
    endStream = true,
    endHeaders = true,
    padding,
    priority: by,
  }: Ends & { readonly endHeaders?: boolean; readonly padding?: number; readonly priority?: Priority } = {},
): Buffer {
  return frame(frameTypes.headers, {
    stream,
    flags:
      (endStream ? flags.endStream : 0) |
      (endHeaders ? flags.endHeaders : 0) |
      (padding === undefined ? 0 : flags.padded) |
      (by === undefined ? 0 : flags.priority),
    payload: Buffer.concat([
      padding === undefined ? Buffer.alloc(0) : Uint8Array.of(padding),
      by === undefined ? Buffer.alloc(0) : priorityPayload(by),
      block,
      Buffer.alloc(padding ?? 0),
    ]),
  });
}

export const continuation = (
  stream: number,
  block: Uint8Array,
  { endHeaders = true }: { readonly endHeaders?: boolean } = {},
): Buffer => frame(frameTypes.continuation, { stream, flags: endHeaders ? flags.endHeaders : 0, payload: block });

export const priority = (stream: number, by: Priority = {}): Buffer =>
  frame(frameTypes.priority, { stream, payload: priorityPayload(by) });

export const rstStream = (stream: number, code: number): Buffer =>
  frame(frameTypes.rstStream, { stream, payload: uint32(code) });

export type Setting = readonly [id: number, value: number];

/** SETTINGS with the given identifiers and values, in their order. */
export function settings(...values: readonly Setting[]): Buffer {
  const payload = Buffer.concat(
    values.map(([id, value]) => Buffer.concat([Uint8Array.of(id >> 8, id), uint32(value)])),
  );
  return frame(frameTypes.settings, { payload });
}

export const settingsAck: Buffer = frame(frameTypes.settings, { flags: flags.ack });

/** PING; its eight bytes are the text, filled up with zeros. */
export const ping = (opaque = '', { ack = false }: { readonly ack?: boolean } = {}): Buffer =>
  frame(frameTypes.ping, { flags: ack ? flags.ack : 0, payload: text(opaque.padEnd(8, '\0')) });

export const goaway = (lastStream: number, code: number, debug = ''): Buffer =>
  frame(frameTypes.goaway, { payload: Buffer.concat([uint32(lastStream), uint32(code), text(debug)]) });

export const windowUpdate = (stream: number, increment: number): Buffer =>
  frame(frameTypes.windowUpdate, { stream, payload: uint32(increment) });

export const pushPromise = (stream: number, promised: number, block: Uint8Array): Buffer =>
  frame(frameTypes.pushPromise, { stream, flags: flags.endHeaders, payload: Buffer.concat([uint32(promised), block]) });
