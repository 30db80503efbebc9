import type { TLSSocket } from 'node:tls';

import { DEFAULT_CHUNK_SIZE } from '../../../src/model/units.ts';
import { Destinations, type Destination } from './destinations.ts';
import type { OpenReceiver, Receiver } from './receiver-port.ts';
import { connectTls } from './tls.ts';

/** A receiver asks for a number of chunks with one message of this length. */
const ORDER_BYTES = 8;

/** Writes that may wait in the socket: one is being encrypted while the one before is on its way. */
const WRITES_AT_ONCE = 2;

/** Nothing but TLS: the bytes land in one buffer, again and again, and are counted. */
export const openRawReceiver: OpenReceiver = async (options) => await openReceiver(options, () => {});

/** TLS and one copy: from that buffer, piece by piece, to where the bytes of a client's streams would go. */
export const openCopyingReceiver: OpenReceiver = async (options) => {
  const destinations = new Destinations(options.streams);
  let memory: Destination | undefined;
  let chunk = 0;
  let filled = 0;
  const copy = (piece: Buffer): void => {
    for (let taken = 0; taken < piece.length;) {
      memory ??= destinations.take(chunk);
      const end = Math.min(piece.length, taken + memory.length - filled);
      piece.copy(memory, filled, taken, end);
      filled += end - taken;
      taken = end;
      if (filled < memory.length) return;
      destinations.give(memory);
      memory = undefined;
      chunk += 1;
      filled = 0;
    }
  };
  return { ...(await openReceiver(options, copy)), check: () => destinations.check() };
};

async function openReceiver(
  { port, settings }: Parameters<OpenReceiver>[0],
  use: (piece: Buffer) => void,
): Promise<Receiver> {
  let missing = 0;
  const buffer = Buffer.alloc(settings.readBytes);
  let done: (() => void) | undefined;
  const socket = await connectTls(port, {
    onread: {
      buffer,
      callback: (length) => {
        use(buffer.subarray(0, length));
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
}

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
