import { DecoderPool } from '../decode/decoder-pool.ts';
import { SlabPool } from '../memory/slab-pool.ts';
import type { SamplerCalls, WatchedProcesses } from '../metrics/control.ts';
import { DEFAULT_SAMPLE_INTERVAL_MS } from '../metrics/sample-interval.ts';
import type { Clock } from '../model/ports.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import { entryUrl, ServiceProcess } from '../process/service-process.ts';

const samplerEntry = entryUrl('../metrics/main', import.meta.url);

/** The sampler as a process of its own. */
export async function startSampler(): Promise<ServiceProcess<SamplerCalls>> {
  return await ServiceProcess.start<SamplerCalls>('sampler', samplerEntry);
}

/**
 * What of a run is on the client's side, wherever the server is: decode threads, memory for chunks, and the sampler.
 * Disposing it ends the threads; the sampler's process is its starter's.
 */
export class ClientParts implements AsyncDisposable {
  readonly sampler: ServiceProcess<SamplerCalls>;
  /**
   * Memory for chunks, kept from trial to trial, so that none of them pays for fresh pages. Each restore sets its bound;
   * until the first one there is none.
   */
  readonly memory: SlabPool = new SlabPool({
    limit: Infinity,
    onDropped: (slab) => {
      for (const pool of this.#allPools()) pool.forget(slab);
    },
  });
  readonly #clock: Clock;
  readonly #resources: AsyncDisposableStack = new AsyncDisposableStack();
  readonly #pools: Map<number, DecoderPool> = new Map();
  readonly #keyedPools: Map<CryptConfig, Map<number, DecoderPool>> = new Map();
  #isSampling = false;

  constructor(sampler: ServiceProcess<SamplerCalls>, clock: Clock) {
    this.sampler = sampler;
    this.#clock = clock;
  }

  get isSampling(): boolean {
    return this.#isSampling;
  }

  /** Has the sampler write its file from now on. Rejects when it cannot. */
  async startSampling(file: string, processes: WatchedProcesses, ports: readonly number[]): Promise<void> {
    await this.sampler.call('start', { file, intervalMs: DEFAULT_SAMPLE_INTERVAL_MS, processes, ports });
    this.#isSampling = true;
  }

  /** Ends the sampling, if it was started. Returns why samples are missing, one clause, if any are. */
  async stopSampling(): Promise<string | undefined> {
    if (!this.#isSampling) return undefined;
    this.#isSampling = false;
    try {
      await this.sampler.call('stop');
    } catch (error) {
      return (error as Error).message;
    }
    return undefined;
  }

  /** Decode threads stay warm between trials; there is one pool for each number of threads and each key. */
  decoderPool(threads: number, crypt?: CryptConfig): DecoderPool {
    const pools = crypt === undefined ? this.#pools : this.#poolsOf(crypt);
    let pool = pools.get(threads);
    if (pool === undefined) {
      pool = this.#resources.use(
        new DecoderPool({ threads, clock: this.#clock, ...(crypt === undefined ? {} : { crypt }) }),
      );
      pools.set(threads, pool);
    }
    return pool;
  }

  /**
   * Memory for one restore through this decoder, with so many chunks under way. To be disposed after its sessions:
   * whatever the restore left lying is taken back then.
   */
  lendMemory(chunks: number, decoder: DecoderPool): AsyncDisposable {
    this.memory.setLimit(chunks);
    return {
      [Symbol.asyncDispose]: async () => {
        await decoder.reset();
        this.memory.reclaim();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #poolsOf(crypt: CryptConfig): Map<number, DecoderPool> {
    const known = this.#keyedPools.get(crypt);
    if (known !== undefined) return known;
    const pools = new Map<number, DecoderPool>();
    this.#keyedPools.set(crypt, pools);
    return pools;
  }

  *#allPools(): Generator<DecoderPool, void, undefined> {
    yield* this.#pools.values();
    for (const pools of this.#keyedPools.values()) yield* pools.values();
  }
}
