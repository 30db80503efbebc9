import type { TLSSocket } from 'node:tls';

import { DEFAULT_CHUNK_SIZE } from '../../../src/model/units.ts';
import type { OpenReceiver } from './receiver-port.ts';
import { connectTls } from './tls.ts';

/** A receiver asks for a number of chunks with one message of this length. */
const ORDER_BYTES = 8;

/** Writes that may wait in the socket: one is being encrypted while the one before is on its way. */
const WRITES_AT_ONCE = 2;

/** Nothing but TLS: the bytes land in one buffer, again and again, and are counted. */
export const openRawReceiver: OpenReceiver = async ({ port, settings }) => {
  let missing = 0;
  let done: (() => void) | undefined;
  const socket = await connectTls(port, {
    onread: {
      buffer: Buffer.alloc(settings.readBytes),
      callback: (length) => {
        missing -= length;
        if (missing <= 0) done?.();
        return true;
      },
    },
  });
  return {
    receive: async (chunks) => {
      const bytes = chunks * DEFAULT_CHUNK_SIZE;
      missing = bytes;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      done = resolve;
      socket.once('error', reject);
      const order = Buffer.alloc(ORDER_BYTES);
      order.writeDoubleBE(chunks);
      socket.write(order);
      await promise;
      socket.off('error', reject);
      if (missing < 0) throw new Error(`${-missing} bytes more than ordered`);
      return bytes;
    },
    close: () => socket.destroy(),
  };
};

/** Sends the chunks that are ordered, in pieces of `writeBytes`. */
export function serveRaw(socket: TLSSocket, pool: readonly Uint8Array[], writeBytes: number): void {
  socket.on('data', (order: Buffer) => {
    if (order.length !== ORDER_BYTES) throw new Error(`an order of ${order.length} bytes`);
    sendChunks(socket, pool, order.readDoubleBE(), writeBytes);
  });
}

function sendChunks(socket: TLSSocket, pool: readonly Uint8Array[], chunks: number, writeBytes: number): void {
  let chunk = 0;
  let offset = 0;
  const sendNext = (): void => {
    const bytes = pool[chunk % pool.length];
    if (chunk === chunks || bytes === undefined || socket.destroyed) return;
    const piece = bytes.subarray(offset, offset + writeBytes);
    offset += piece.length;
    if (offset === bytes.length) {
      offset = 0;
      chunk += 1;
    }
    socket.write(piece, sendNext);
  };
  for (let write = 0; write < WRITES_AT_ONCE; write += 1) sendNext();
}
