import { DEFAULT_CHUNK_SIZE } from '../../../src/model/units.ts';
import type { OpenReceiver } from './receiver-port.ts';
import { connectTls } from './tls.ts';

const HEADER_BYTES = 9;
const MAX_WINDOW = 2 ** 31 - 1;
const DEFAULT_WINDOW = 65_535;

/** RFC 9113 section 6. */
const types = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const END_STREAM = 0x1;
const ACK = 0x1;
const END_HEADERS = 0x4;
const settingIds = { headerTableSize: 1, enablePush: 2, initialWindowSize: 4, maxFrameSize: 5 } as const;

/**
 * The cheapest receiver that an HTTP/2 server will talk to, the same for each of them: it reads into one buffer,
 * looks at frame headers only, and drops the rest. The windows are larger than a transfer, so that nothing needs to be
 * given back. Cannot receive more than 2 GiB in its life.
 */
export const openSkippingReceiver: OpenReceiver = async ({ port, streams, settings }) => {
  const memory = Buffer.alloc(settings.readBytes);
  /** Bytes of the frame under way that are still to come. */
  let payloadLeft = 0;
  let endsStream = false;
  let isReset = false;
  const header = Buffer.alloc(HEADER_BYTES);
  let headerBytes = 0;
  let nextStream = 1;
  let unasked = 0;
  let open = 0;
  let dataBytes = 0;
  let settled = Promise.withResolvers<void>();

  const ask = (): void => {
    const number = unasked;
    unasked -= 1;
    open += 1;
    socket.write(requestFrame(nextStream, `/chunk?number=${number}`));
    nextStream += 2;
  };
  const begin = (): void => {
    const type = header[3];
    const flags = header[4] ?? 0;
    payloadLeft = header.readUIntBE(0, 3);
    endsStream = (type === types.data || type === types.headers) && (flags & END_STREAM) !== 0;
    isReset = type === types.reset || type === types.goAway;
    if (type === types.data) dataBytes += payloadLeft;
    if (type === types.settings && (flags & ACK) === 0) socket.write(frame(types.settings, ACK, 0, Buffer.alloc(0)));
  };
  const end = (): void => {
    headerBytes = 0;
    if (isReset) settled.reject(new Error('the server reset a stream or ended the connection'));
    if (!endsStream) return;
    open -= 1;
    if (unasked > 0) ask();
    else if (open === 0) settled.resolve();
  };
  const skip = (length: number): boolean => {
    let at = 0;
    while (at < length) {
      if (headerBytes < HEADER_BYTES) {
        const taken = memory.copy(header, headerBytes, at, Math.min(length, at + HEADER_BYTES - headerBytes));
        headerBytes += taken;
        at += taken;
        if (headerBytes < HEADER_BYTES) break;
        begin();
      }
      const skipped = Math.min(payloadLeft, length - at);
      payloadLeft -= skipped;
      at += skipped;
      if (payloadLeft === 0) end();
    }
    return true;
  };
  const socket = await connectTls(port, { onread: { buffer: memory, callback: skip } });
  socket.on('error', (error) => settled.reject(error));
  socket.write(preface(settings.frameBytes));
  return {
    receive: async (chunks) => {
      dataBytes = 0;
      unasked = chunks;
      settled = Promise.withResolvers();
      for (let asked = 0; asked < Math.min(streams, chunks); asked += 1) ask();
      await settled.promise;
      if (dataBytes !== chunks * DEFAULT_CHUNK_SIZE) throw new Error(`${dataBytes} bytes for ${chunks} chunks`);
      return dataBytes;
    },
    close: () => socket.destroy(),
  };
};

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

function preface(frameBytes: number): Buffer {
  const announced = [
    // The answers' header blocks are not decoded: a table would only cost the server.
    [settingIds.headerTableSize, 0],
    [settingIds.enablePush, 0],
    [settingIds.initialWindowSize, MAX_WINDOW],
    [settingIds.maxFrameSize, frameBytes],
  ] as const;
  const settings = Buffer.alloc(announced.length * 6);
  for (const [index, [id, value]] of announced.entries()) {
    settings.writeUInt16BE(id, index * 6);
    settings.writeUInt32BE(value, index * 6 + 2);
  }
  const window = Buffer.alloc(4);
  window.writeUInt32BE(MAX_WINDOW - DEFAULT_WINDOW);
  return Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    frame(types.settings, 0, 0, settings),
    frame(types.windowUpdate, 0, 0, window),
  ]);
}

/** RFC 7541: `:method: GET` and `:scheme: https` are entries 2 and 7; authority and path are literals, not indexed. */
function requestFrame(stream: number, path: string): Buffer {
  const literal = (nameIndex: number, value: string): Buffer =>
    Buffer.concat([Buffer.from([nameIndex, value.length]), Buffer.from(value)]);
  const block = Buffer.concat([Buffer.from([0x82, 0x87]), literal(1, 'localhost'), literal(4, path)]);
  return frame(types.headers, END_STREAM | END_HEADERS, stream, block);
}
