import type { Http2Settings } from '../transport/transport.ts';
import { DEFAULT_MAX_FRAME_SIZE, DEFAULT_WINDOW_SIZE, LARGEST_MAX_FRAME_SIZE, LARGEST_WINDOW_SIZE } from './frame.ts';
import { ConnectionFault, errorCodes } from './http2-error.ts';

/** Identifiers of SETTINGS, RFC 9113 section 6.5.2. */
const ids = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
} as const;

const SETTING_BYTES = 6;

/** What the other end has announced, with the defaults of the RFC for what it has not. */
export interface PeerSettings {
  readonly headerTableSize: number;
  readonly maxConcurrentStreams: number;
  readonly initialWindowSize: number;
  readonly maxFrameSize: number;
}

export const defaultPeerSettings: PeerSettings = {
  headerTableSize: 4096,
  maxConcurrentStreams: Number.POSITIVE_INFINITY,
  initialWindowSize: DEFAULT_WINDOW_SIZE,
  maxFrameSize: DEFAULT_MAX_FRAME_SIZE,
};

/** The payload of our SETTINGS, in the order of real PBS ends (spec 3.3). The connection's window is no setting. */
export function encodeSettings(settings: Http2Settings): Buffer {
  const { maxConcurrentStreams, initialWindowSize, maxFrameSize, maxHeaderListSize } = settings;
  const pairs: (readonly [id: number, value: number | undefined])[] = [
    [ids.maxConcurrentStreams, maxConcurrentStreams],
    [ids.initialWindowSize, initialWindowSize],
    [ids.maxFrameSize, maxFrameSize],
    [ids.maxHeaderListSize, maxHeaderListSize],
  ];
  const given = pairs.filter(([, value]) => value !== undefined);
  const payload = Buffer.allocUnsafe(given.length * SETTING_BYTES);
  for (const [index, [id, value = 0]] of given.entries()) {
    payload.writeUInt16BE(id, index * SETTING_BYTES);
    payload.writeUInt32BE(value, index * SETTING_BYTES + 2);
  }
  return payload;
}

/**
 * What holds after this SETTINGS frame; its values are taken in their order, unknown ones are ignored (6.5.2, 6.5.3).
 * @param isClient whether this end is the client: a server may not offer push
 * @throws ConnectionFault
 */
export function applySettings(before: PeerSettings, payload: Buffer, isClient: boolean): PeerSettings {
  if (payload.length % SETTING_BYTES !== 0)
    throw new ConnectionFault(errorCodes.frameSizeError, `a SETTINGS frame has ${payload.length} bytes`);
  const after = { ...before };
  for (let at = 0; at < payload.length; at += SETTING_BYTES) {
    const value = payload.readUInt32BE(at + 2);
    switch (payload.readUInt16BE(at)) {
      case ids.headerTableSize:
        after.headerTableSize = value;
        break;
      case ids.enablePush:
        if (value > (isClient ? 0 : 1)) throw refused('ENABLE_PUSH', value);
        break;
      case ids.maxConcurrentStreams:
        after.maxConcurrentStreams = value;
        break;
      case ids.initialWindowSize:
        if (value > LARGEST_WINDOW_SIZE)
          throw new ConnectionFault(errorCodes.flowControlError, `SETTINGS_INITIAL_WINDOW_SIZE is ${value}`);
        after.initialWindowSize = value;
        break;
      case ids.maxFrameSize:
        if (value < DEFAULT_MAX_FRAME_SIZE || value > LARGEST_MAX_FRAME_SIZE) throw refused('MAX_FRAME_SIZE', value);
        after.maxFrameSize = value;
        break;
      default:
    }
  }
  return after;
}

const refused = (name: string, value: number): ConnectionFault =>
  new ConnectionFault(errorCodes.protocolError, `SETTINGS_${name} is ${value}`);
