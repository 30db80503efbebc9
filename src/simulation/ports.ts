import type { LinkSettings, StorageSettings } from '../model/environment.ts';
import type { Slot } from '../model/image.ts';
import type {
  ChunkDecoder,
  ChunkSource,
  Clock,
  DecodeTiming,
  EncodedChunk,
  FetchTiming,
  PlainChunk,
  RestoreTarget,
} from '../model/ports.ts';
import { Servers, type Service } from './servers.ts';

export interface SimulatedServerOptions {
  readonly clock: Clock;
  /** No jitter is modelled. */
  readonly link: Pick<LinkSettings, 'roundTripMs' | 'rateBytesPerSecond' | 'connectionRateBytesPerSecond'>;
  readonly storage: StorageSettings;
  /** Length of a chunk's data blob, bytes. */
  readonly encodedBytes: (digest: string) => number;
}

/**
 * A server with one disk, behind one link that all of its connections share. A fetch takes half a round trip to the
 * server, a read from storage, the connection and the link, half a round trip back. A read takes one of `queueDepth`
 * places for its latency and its share of the bandwidth. Storage bandwidth, connection and link each serve one chunk
 * after the other in order of arrival; real ones interleave, which ends a batch at the same time but shares the waiting.
 */
export class SimulatedServer {
  readonly #options: SimulatedServerOptions;
  readonly #queue: Servers;
  readonly #disk: Servers;
  readonly #link: Servers;
  #connections = 0;

  constructor(options: SimulatedServerOptions) {
    this.#options = options;
    this.#queue = new Servers(options.clock, options.storage.queueDepth);
    this.#disk = new Servers(options.clock, 1);
    this.#link = new Servers(options.clock, 1);
  }

  /** One more connection; they are numbered from 0. */
  connect(): ChunkSource {
    const connection = this.#connections;
    this.#connections += 1;
    const line = new Servers(this.#options.clock, 1);
    return { fetch: (digest, signal) => this.#fetch(digest, signal, connection, line) };
  }

  async #fetch(digest: string, signal: AbortSignal, connection: number, line: Servers): Promise<EncodedChunk> {
    const { clock, link, storage } = this.#options;
    const encodedBytes = this.#options.encodedBytes(digest);
    const requestSentMs = clock.now();
    await clock.sleep(link.roundTripMs / 2, signal);
    await this.#queue.hold(async () => {
      await clock.sleep(storage.readLatencyMs, signal);
      if (storage.bandwidthBytesPerSecond !== undefined) {
        await this.#disk.serve(transferMs(encodedBytes, storage.bandwidthBytesPerSecond), signal);
      }
    }, signal);
    const sent = await this.#send(encodedBytes, signal, line);
    await clock.sleep(link.roundTripMs / 2, signal);
    const timing: FetchTiming = {
      requestSentMs,
      firstByteMs: sent.startedMs + link.roundTripMs / 2,
      lastByteMs: clock.now(),
      connection,
    };
    return { encodedBytes, timing };
  }

  /** The bytes pass the connection's own rate and the link's at the same time. */
  async #send(encodedBytes: number, signal: AbortSignal, line: Servers): Promise<Service> {
    const { clock, link } = this.#options;
    const { rateBytesPerSecond, connectionRateBytesPerSecond } = link;
    const passLink = async (): Promise<Service> =>
      await this.#link.serve(transferMs(encodedBytes, rateBytesPerSecond), signal);
    if (connectionRateBytesPerSecond === undefined) return await passLink();
    return await line.hold(async () => {
      await Promise.all([passLink(), clock.sleep(transferMs(encodedBytes, connectionRateBytesPerSecond), signal)]);
    }, signal);
  }
}

/** Milliseconds that `bytes` need; no time where nothing limits the rate. */
const transferMs = (bytes: number, bytesPerSecond: number | undefined): number =>
  bytesPerSecond === undefined ? 0 : (bytes * 1000) / bytesPerSecond;

export interface SimulatedDecoderOptions {
  readonly clock: Clock;
  /** As the knob: 0 is the main thread, which is one server too. */
  readonly decodeThreads: number;
  readonly decodeMs: (slot: Slot) => number;
}

/** Decode threads with one queue. */
export class SimulatedDecoder implements ChunkDecoder {
  readonly #options: SimulatedDecoderOptions;
  readonly #threads: Servers;

  constructor(options: SimulatedDecoderOptions) {
    this.#options = options;
    this.#threads = new Servers(options.clock, Math.max(1, options.decodeThreads));
  }

  async decode(_chunk: EncodedChunk, slot: Slot): Promise<PlainChunk> {
    const { server, startedMs, endedMs } = await this.#threads.serve(this.#options.decodeMs(slot));
    const timing: DecodeTiming = { startedMs, endedMs, worker: this.#options.decodeThreads === 0 ? 0 : server + 1 };
    return { length: slot.length, timing };
  }
}

export interface SimulatedTargetOptions {
  readonly clock: Clock;
  /** Writes that the device takes at a time. */
  readonly writers: number;
  readonly writeMs: (offset: number, length: number) => number;
  readonly writeZeroesMs: (offset: number, length: number) => number;
  readonly finishMs?: number;
}

/** Writers with one queue. */
export class SimulatedTarget implements RestoreTarget {
  readonly #options: SimulatedTargetOptions;
  readonly #writers: Servers;

  constructor(options: SimulatedTargetOptions) {
    this.#options = options;
    this.#writers = new Servers(options.clock, options.writers);
  }

  async write(offset: number, chunk: PlainChunk): Promise<void> {
    await this.#writers.serve(this.#options.writeMs(offset, chunk.length));
  }

  async writeZeroes(offset: number, length: number): Promise<void> {
    await this.#writers.serve(this.#options.writeZeroesMs(offset, length));
  }

  async finish(): Promise<void> {
    await this.#options.clock.sleep(this.#options.finishMs ?? 0);
  }
}
