import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import type { LinkSettings } from '../model/environment.ts';
import { metric, unavailable, type Metric } from '../model/metric.ts';
import type { Clock } from '../model/ports.ts';
import type { LinkCalibration } from '../model/records.ts';
import { KiB } from '../model/units.ts';
import type { ServiceProcess } from '../process/service-process.ts';
import type { LinkCalls } from './control.ts';

/** The process of the link emulator, or anything that answers its calls. */
export type LinkProcess = Pick<ServiceProcess<LinkCalls>, 'call'>;

interface Measuring {
  readonly relay: LinkProcess;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const LOOPBACK = '127.0.0.1';
const PING_BYTES = 64;

/** The first pings of a connection find cold code and caches at both ends. */
const WARM_UP_PINGS = 3;

/** Pings go on for about so long: 60 of them up to 6 ms, 9 at 40 ms, never fewer than 5. */
const PING_BUDGET_MS = 380;
const MAX_PINGS = 60;
const MIN_PINGS = 5;

/** Bytes are counted for so long, after the link has filled. 4 KiB of error in it is below 3 % from 0.6 MB/s on. */
const RATE_WINDOW_MS = 240;
const CEILING_WINDOW_MS = 450;
const FILL_MS = 30;

/** Connections that a limit per connection is overcome with, at most. */
const MAX_CONNECTIONS = 8;

const TRANSFER_BYTES: number = 256 * KiB;

/**
 * Pings a plain TCP echo through the link, with the settings that are in force: no TLS, no HTTP/2, one small message
 * at a time. `roundTripMs` is what was asked for and decides how many samples fit into about 0.4 s.
 *
 * Rejects with the signal's reason when aborted, and with a MachineError `process-ended` when the emulator is gone.
 */
export async function measureRoundTrip({
  relay,
  roundTripMs,
  clock,
  signal,
  samples = Math.max(MIN_PINGS, Math.min(MAX_PINGS, Math.floor(PING_BUDGET_MS / Math.max(roundTripMs, 0.001)))),
}: Measuring & { readonly roundTripMs: number; readonly samples?: number }): Promise<LinkCalibration['roundTripMs']> {
  await using listener = await Listener.open((socket) => socket.on('data', (bytes) => socket.write(bytes)));
  await using relayed = await RelayedPort.open(relay, listener.port);
  let answered: (() => void) | undefined;
  const socket = connect({
    host: LOOPBACK,
    port: relayed.port,
    noDelay: true,
    signal,
    onread: { buffer: Buffer.alloc(PING_BYTES), callback: () => (answered?.(), true) },
  });
  using _closing = { [Symbol.dispose]: () => socket.destroy() };
  const failed = failure(socket, signal);
  await Promise.race([once(socket, 'connect'), failed]);
  const ping = Buffer.alloc(PING_BYTES);
  const timesMs: number[] = [];
  for (let index = -WARM_UP_PINGS; index < samples; index += 1) {
    const startedMs = clock.now();
    const answer = new Promise<void>((resolve) => (answered = resolve));
    socket.write(ping);
    await Promise.race([answer, failed]);
    if (index >= 0) timesMs.push(clock.now() - startedMs);
  }
  timesMs.sort((one, other) => one - other);
  return { median: nearestRank(timesMs, 0.5), p95: nearestRank(timesMs, 0.95), samples };
}

/**
 * Bytes per second from server to client, over about 0.3 s, with the settings `link` that are in force. Where a rate
 * per connection is declared, as many connections are used as the link's own rate needs (8 at most).
 */
export async function measureRate({
  link,
  ...measuring
}: Measuring & { readonly link: LinkSettings }): Promise<Metric> {
  const { rateBytesPerSecond: rate, connectionRateBytesPerSecond: connectionRate } = link;
  const connections =
    rate === undefined || connectionRate === undefined
      ? 1
      : Math.min(MAX_CONNECTIONS, Math.ceil(rate / connectionRate));
  return await measureTransferRate(measuring, { connections, windowMs: RATE_WINDOW_MS });
}

/**
 * Bytes per second from server to client that one connection alone gets, over about 0.3 s, with the settings `link`
 * that are in force; unavailable where no limit per connection is declared.
 */
export async function measureConnectionRate({
  link,
  ...measuring
}: Measuring & { readonly link: LinkSettings }): Promise<Metric> {
  if (link.connectionRateBytesPerSecond === undefined) return unavailable('no limit was asked for');
  return await measureTransferRate(measuring, { connections: 1, windowMs: RATE_WINDOW_MS });
}

/**
 * Bytes per second that the emulator passes on this machine with no delay and no rate, one connection, 0.5 s. Leaves
 * the link at `restore`, or without delay and rate.
 */
export async function measureCeiling({
  restore,
  ...measuring
}: Measuring & { readonly restore?: LinkSettings }): Promise<Metric> {
  await measuring.relay.call('setLink', { roundTripMs: 0, jitterMs: 0 });
  try {
    return await measureTransferRate(measuring, { connections: 1, windowMs: CEILING_WINDOW_MS });
  } finally {
    if (restore !== undefined) await measuring.relay.call('setLink', restore);
  }
}

/** Bytes per second from server to client, summed over so many connections, one way, over `windowMs`. */
export async function measureTransferRate(
  { relay, clock, signal }: Measuring,
  { connections, windowMs }: { readonly connections: number; readonly windowMs: number },
): Promise<Metric> {
  const payload = Buffer.alloc(TRANSFER_BYTES);
  await using listener = await Listener.open((socket) => {
    const send = (): void => {
      while (!socket.destroyed && socket.write(payload));
    };
    socket.on('drain', send);
    socket.resume();
    send();
  });
  await using relayed = await RelayedPort.open(relay, listener.port);
  const counter = new TransferCounter(clock, windowMs);
  using sockets = new DisposableStack();
  const failures: Promise<never>[] = [];
  for (let index = 0; index < connections; index += 1) {
    const onread = { buffer: Buffer.alloc(TRANSFER_BYTES), callback: (bytes: number) => counter.add(bytes) };
    const socket = connect({ host: LOOPBACK, port: relayed.port, onread });
    sockets.defer(() => socket.destroy());
    failures.push(failure(socket, signal));
  }
  await Promise.race([counter.done, ...failures]);
  return counter.rate;
}

/** Counts bytes from the first read after the link has filled until the window is over. */
class TransferCounter {
  readonly done: Promise<void>;
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #finish: () => void;
  #firstMs = -1;
  #openedMs = -1;
  #lastMs = 0;
  #bytes = 0;

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#finish = resolve;
  }

  add(bytes: number): boolean {
    const nowMs = this.#clock.now();
    if (this.#firstMs < 0) this.#firstMs = nowMs;
    if (this.#openedMs < 0) {
      if (nowMs >= this.#firstMs + FILL_MS) this.#openedMs = nowMs;
      return true;
    }
    this.#bytes += bytes;
    this.#lastMs = nowMs;
    if (nowMs < this.#openedMs + this.#windowMs) return true;
    this.#finish();
    return false;
  }

  get rate(): Metric {
    const elapsedMs = this.#lastMs - this.#openedMs;
    return elapsedMs > 0 ? metric((this.#bytes / elapsedMs) * 1000) : unavailable('not sampled: no bytes arrived');
  }
}

/** A plain TCP listener on 127.0.0.1 that ends its connections with itself. */
class Listener implements AsyncDisposable {
  readonly port: number;
  readonly #close: () => Promise<void>;

  private constructor(port: number, close: () => Promise<void>) {
    this.port = port;
    this.#close = close;
  }

  static async open(onConnection: (socket: Socket) => void): Promise<Listener> {
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      // The far end destroys its socket when it has seen enough.
      socket.on('error', () => {});
      onConnection(socket);
    });
    server.listen(0, LOOPBACK);
    await once(server, 'listening');
    return new Listener((server.address() as AddressInfo).port, async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

/** A port of this process made reachable through the link. */
class RelayedPort implements AsyncDisposable {
  /** Where to connect to. */
  readonly port: number;
  readonly #relay: LinkProcess;
  readonly #servedPort: number;

  private constructor(relay: LinkProcess, servedPort: number, port: number) {
    this.#relay = relay;
    this.#servedPort = servedPort;
    this.port = port;
  }

  static async open(relay: LinkProcess, servedPort: number): Promise<RelayedPort> {
    const { port } = await relay.call('open', { port: servedPort });
    return new RelayedPort(relay, servedPort, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // When the emulator is gone, so is the port.
    await this.#relay.call('close', { port: this.#servedPort }).catch(() => {});
  }
}

/** Rejects when the connection ends or fails, or the signal is aborted. */
function failure(socket: Socket, signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  socket.on('error', (error) => reject(error));
  socket.on('close', () => {
    signal.removeEventListener('abort', abort);
    reject(new Error('the link emulator closed the connection while it was measured'));
  });
  // It is raced with what is waited for; after that nobody listens.
  promise.catch(() => {});
  return promise;
}

function nearestRank(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
