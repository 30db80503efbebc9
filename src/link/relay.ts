import { once } from 'node:events';
import { createServer, Socket, type AddressInfo, type Server } from 'node:net';

import { MachineError, systemErrorCode } from '../model/errors.ts';
import { KiB } from '../model/units.ts';
import type { EmulatedLink } from './emulated-link.ts';
import { Pump } from './pump.ts';
import { SLAB_BYTES, type Slab } from './slab-pool.ts';

const LOOPBACK = '127.0.0.1';

/** What Node reads at most at a time without `onread`: a read of that size has left something behind. */
const NODE_READ_BYTES: number = 64 * KiB;

/** A slab with less room than this is not read into any more. */
const MIN_READ_BYTES: number = 16 * KiB;

/** Listens on 127.0.0.1 and relays every connection to one port on 127.0.0.1 through a link. */
export class Relay implements AsyncDisposable {
  readonly #link: EmulatedLink;
  readonly #serverPort: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();

  private constructor(link: EmulatedLink, serverPort: number) {
    this.#link = link;
    this.#serverPort = serverPort;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#relay(client));
  }

  /**
   * @param port - Of the server
   * @param listenPort - For clients; a free one where absent or 0
   * @throws MachineError where that is taken or may not be used
   */
  static async listen(
    link: EmulatedLink,
    { port, listenPort = 0 }: { readonly port: number; readonly listenPort?: number },
  ): Promise<Relay> {
    const relay = new Relay(link, port);
    relay.#server.listen(listenPort, LOOPBACK);
    try {
      await once(relay.#server, 'listening');
    } catch (error) {
      throw new MachineError(`listening on ${LOOPBACK}:${listenPort}: ${(error as Error).message}`, {
        code: `machine-${(systemErrorCode(error) ?? 'listen').toLowerCase()}`,
        hint: 'choose another port with --port; --port 0 takes one that is free',
        cause: error,
      });
    }
    return relay;
  }

  /** Where clients connect to. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Stops listening and ends all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #relay(client: Socket): void {
    const link = this.#link;
    link.connectionOpened();
    const reader: SlabReader = new SlabReader(link, () => toClient.readBytes);
    const server = new Socket({
      allowHalfOpen: true,
      onread: { buffer: () => reader.room(), callback: (bytes) => reader.push(toClient, bytes) },
    });
    const toClient = new Pump(link, link.toClient, { sink: client, resumeSource: () => server.resume() });
    const toServer = new Pump(link, link.toServer, { sink: server, resumeSource: () => client.resume() });
    server.setNoDelay(true);
    server.connect({ host: LOOPBACK, port: this.#serverPort });
    // Node offers `onread` only for sockets that it connects; the way to the server carries requests, which are small.
    client.on('data', (bytes) => {
      if (
        !toServer.push({ bytes, filled: bytes.length, references: 0 }, 0, bytes.length, bytes.length >= NODE_READ_BYTES)
      )
        client.pause();
    });
    let open = 2;
    const closed = (): void => {
      open -= 1;
      if (open === 0) link.connectionClosed();
    };
    this.#join(client, toServer, toClient, closed);
    this.#join(server, toClient, toServer, closed);
    server.once('close', () => reader.dispose());
  }

  /** What happens at `socket`: `from` carries what it sends, `to` what it is sent. */
  #join(socket: Socket, from: Pump, to: Pump, closed: () => void): void {
    this.#sockets.add(socket);
    let failed = false;
    socket.on('end', () => from.finish('end'));
    socket.on('error', (error) => {
      failed = true;
      // A peer that resets or closes early ends its connection, which is its right; anything else is our failure.
      if (!['ECONNRESET', 'EPIPE'].includes(systemErrorCode(error) ?? '')) this.#link.connectionFailed();
    });
    socket.on('close', () => {
      this.#sockets.delete(socket);
      to.stop();
      if (failed || !socket.readableEnded) from.finish('reset');
      closed();
    });
  }
}

/** Gives a socket the memory to read into. */
class SlabReader {
  readonly #link: EmulatedLink;
  readonly #wantedBytes: () => number;
  #slab: Slab;
  #offeredBytes = 0;

  constructor(link: EmulatedLink, wantedBytes: () => number) {
    this.#link = link;
    this.#wantedBytes = wantedBytes;
    this.#slab = link.slabs.take();
  }

  /** What the next read may fill. */
  room(): Buffer {
    const { slabs } = this.#link;
    // Nobody else holds a part of it: everything was written at once, so the same cached bytes are used again.
    if (this.#slab.references === 1) this.#slab.filled = 0;
    else if (SLAB_BYTES - this.#slab.filled < MIN_READ_BYTES) {
      slabs.release(this.#slab);
      this.#slab = slabs.take();
    }
    const wanted = Math.max(MIN_READ_BYTES, this.#wantedBytes());
    const offered = this.#slab.bytes.subarray(this.#slab.filled, Math.min(SLAB_BYTES, this.#slab.filled + wanted));
    this.#offeredBytes = offered.length;
    return offered;
  }

  /** Returns whether reading may go on. */
  push(pump: Pump, bytes: number): boolean {
    const start = this.#slab.filled;
    this.#slab.filled += bytes;
    return pump.push(this.#slab, start, start + bytes, bytes === this.#offeredBytes);
  }

  dispose(): void {
    this.#link.slabs.release(this.#slab);
  }
}
