import { frameFlags, frameTypes, type FrameHeader } from './frame.ts';
import { ConnectionFault, errorCodes } from './http2-error.ts';

/** Payload lengths that the RFC prescribes, and whether the frame is one of the whole connection. */
const rules: ReadonlyMap<number, { readonly name: string; readonly length?: number; readonly onStream: boolean }> =
  new Map([
    // A PRIORITY of another length is an error of its stream only (RFC 9113 section 6.3).
    [frameTypes.priority, { name: 'PRIORITY', onStream: true }],
    [frameTypes.rstStream, { name: 'RST_STREAM', length: 4, onStream: true }],
    [frameTypes.settings, { name: 'SETTINGS', onStream: false }],
    [frameTypes.ping, { name: 'PING', length: 8, onStream: false }],
    [frameTypes.goaway, { name: 'GOAWAY', onStream: false }],
  ]);

const SHORTEST_GOAWAY_BYTES = 8;

/** No frame of these kinds has reason to be longer: the rest of a GOAWAY is free text, SETTINGS has six values. */
const LONGEST_BYTES = 16 * 1024;

/**
 * Looks at the header of any frame that carries neither DATA nor fields. Returns whether its payload is of use: frames
 * of unknown types are skipped (RFC 9113 section 4.1).
 * @throws ConnectionFault
 */
export function checkControlFrame({ type, flags, streamId, length }: FrameHeader): boolean {
  // On a stream or on the connection.
  if (type === frameTypes.windowUpdate) {
    if (length !== 4) throw new ConnectionFault(errorCodes.frameSizeError, `WINDOW_UPDATE has ${length} bytes`);
    return true;
  }
  const rule = rules.get(type);
  if (rule === undefined) return false;
  if ((streamId !== 0) !== rule.onStream)
    throw new ConnectionFault(errorCodes.protocolError, `${rule.name} on stream ${streamId}`);
  const isAck = type === frameTypes.settings && (flags & frameFlags.ack) !== 0;
  const isWrong =
    (rule.length !== undefined && length !== rule.length) ||
    (isAck && length !== 0) ||
    (type === frameTypes.goaway && length < SHORTEST_GOAWAY_BYTES);
  if (isWrong) throw new ConnectionFault(errorCodes.frameSizeError, `${rule.name} has ${length} bytes`);
  if (length > LONGEST_BYTES) throw new ConnectionFault(errorCodes.enhanceYourCalm, `${rule.name} has ${length} bytes`);
  return true;
}
