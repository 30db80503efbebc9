import type { OnReadOpts } from 'node:net';
import type { TLSSocket } from 'node:tls';

import { DEFAULT_CHUNK_SIZE, MB } from '../model/units.ts';
import { openTlsConnection } from '../pbs/client/tls-connection.ts';
import { peerTasks, type PeerTask } from './peer/control.ts';
import type { Primitive, ReadyPrimitive, Workplace } from './primitive.ts';
import { inTurn, RECORD_BYTES } from './shared-material.ts';

/** Long enough for a handshake on a machine whose cores are all busy. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Bytes come into one buffer that is used again and again; nobody looks at them. */
export const tlsReceive: Primitive = {
  what: 'TLS receive',
  unit: 'bytes',
  unitsPerCall: DEFAULT_CHUNK_SIZE,
  needsPeer: true,
  open: async (place) => await receive(place, Buffer.allocUnsafeSlow(RECORD_BYTES)),
};

/** As the receive path of a restore: TLS writes what it decrypts to its place in the shared memory of a chunk. */
export const tlsReceivePlaced: Primitive = {
  what: 'TLS receive, straight into a chunk',
  unit: 'bytes',
  unitsPerCall: DEFAULT_CHUNK_SIZE,
  needsPeer: true,
  async open(place) {
    const nextSlab = inTurn(place.material.slabs, place.index);
    let slab = nextSlab();
    let filled = 0;
    return await receive(
      place,
      () => {
        if (filled === slab.length) {
          slab = nextSlab();
          filled = 0;
        }
        return new Uint8Array(slab.buffer, slab.byteOffset + filled, slab.length - filled);
      },
      (bytes) => {
        filled += bytes;
      },
    );
  },
};

async function receive(
  place: Workplace,
  buffer: OnReadOpts['buffer'],
  onBytes: (bytes: number) => void = () => {},
): Promise<ReadyPrimitive> {
  let received = 0;
  let wanted = Infinity;
  let arrived: (() => void) | undefined;
  const { socket, failed } = await connectToPeer(place, 'send', {
    buffer,
    callback: (bytes) => {
      received += bytes;
      onBytes(bytes);
      if (received >= wanted) arrived?.();
      return true;
    },
  });
  socket.pause();
  return {
    isAsync: true,
    begin: () => void socket.resume(),
    run: async () => {
      wanted = received + DEFAULT_CHUNK_SIZE;
      const whole = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      await Promise.race([whole, failed]);
    },
    end: () => void socket.pause(),
    close: () => void socket.destroy(),
  };
}

/** Chunks are written whole, one of them ahead, so that the socket never runs dry. */
export const tlsSend: Primitive = {
  what: 'TLS send',
  unit: 'bytes',
  unitsPerCall: DEFAULT_CHUNK_SIZE,
  pbsBytesPerSecond: 1235 * MB,
  needsPeer: true,
  async open(place) {
    const { socket, failed } = await connectToPeer(place, 'receive');
    const nextSlab = inTurn(place.material.slabs, place.index);
    const write = async (): Promise<void> => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      socket.write(nextSlab(), (error) => (error ? reject(error) : resolve()));
      await Promise.race([promise, failed]);
    };
    let ahead: Promise<void> | undefined;
    return {
      isAsync: true,
      begin: () => {
        ahead = write();
      },
      run: async () => {
        const earlier = ahead;
        ahead = write();
        await earlier;
      },
      end: async () => await ahead,
      close: () => void socket.destroy(),
    };
  },
};

/** A connection to this thread's port of the peer, which is told what to do on it. */
async function connectToPeer(
  { peer, index }: Workplace,
  task: PeerTask,
  onread?: OnReadOpts,
): Promise<{ readonly socket: TLSSocket; readonly failed: Promise<never> }> {
  const port = peer?.ports[index];
  if (peer === undefined || port === undefined) throw new Error('there is no process at the other end of TLS');
  const socket = await openTlsConnection({
    host: '127.0.0.1',
    port,
    fingerprint: peer.fingerprint,
    signal: new AbortController().signal,
    timeoutMs: CONNECT_TIMEOUT_MS,
    ...(onread === undefined ? {} : { onread }),
  });
  const { promise: failed, reject } = Promise.withResolvers<never>();
  // Nobody waits for it between two rounds.
  failed.catch(() => {});
  socket.once('error', reject).once('close', () => reject(new Error('the other end of TLS has closed')));
  socket.write(peerTasks[task]);
  return { socket, failed };
}
