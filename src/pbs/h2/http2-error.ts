/** Error codes of HTTP/2, RFC 9113 section 7. */
export const errorCodes = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  settingsTimeout: 0x4,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compressionError: 0x9,
  connectError: 0xa,
  enhanceYourCalm: 0xb,
  inadequateSecurity: 0xc,
  http11Required: 0xd,
} as const;

export type ErrorCode = (typeof errorCodes)[keyof typeof errorCodes];

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(errorCodes).map(([name, code]) => [
    code,
    name.replaceAll(/[A-Z]|1(?=1)/gu, (letter) => `_${letter}`).toUpperCase(),
  ]),
);

/** As the RFC writes it: `FLOW_CONTROL_ERROR`; `error 0x1f` for one that it does not know. */
export function errorName(code: number): string {
  return names.get(code) ?? `error 0x${code.toString(16)}`;
}

/** The peer broke a rule that concerns the whole connection: it is told by GOAWAY, and the connection ends (5.4.1). */
export class ConnectionFault extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(`${errorName(code)}: ${message}`);
    this.name = 'ConnectionFault';
    this.code = code;
  }
}

/** The peer broke a rule that concerns one stream: it is told by RST_STREAM, and the others go on (5.4.2). */
export class StreamFault extends Error {
  readonly streamId: number;
  readonly code: ErrorCode;

  constructor(streamId: number, code: ErrorCode, message: string) {
    super(`${errorName(code)}: ${message}`);
    this.name = 'StreamFault';
    this.streamId = streamId;
    this.code = code;
  }
}
