import type { SamplerCalls } from '../metrics/control.ts';
import type { Clock } from '../model/ports.ts';
import type { ServiceProcess } from '../process/service-process.ts';
import { ClientParts, startSampler } from './client-parts.ts';

/** What a run against a real server needs running: the client's own parts and nothing else. */
export class RealLab implements AsyncDisposable {
  readonly parts: ClientParts;
  readonly sampler: ServiceProcess<SamplerCalls>;
  readonly #clientPid: number;
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: ClientParts, clientPid: number, resources: AsyncDisposableStack) {
    this.parts = parts;
    this.sampler = parts.sampler;
    this.#clientPid = clientPid;
    this.#resources = resources;
  }

  static async start({ clientPid, clock }: { readonly clientPid: number; readonly clock: Clock }): Promise<RealLab> {
    await using resources = new AsyncDisposableStack();
    const parts = resources.use(new ClientParts(resources.use(await startSampler()), clock));
    return new RealLab(parts, clientPid, resources.move());
  }

  get clientPid(): number {
    return this.#clientPid;
  }

  /** Of the client and its machine; connections are looked at where they send, which is on the other machine. */
  async startSampling(file: string): Promise<void> {
    await this.parts.startSampling(file, { client: this.#clientPid }, []);
  }

  async stopSampling(): Promise<string | undefined> {
    return await this.parts.stopSampling();
  }

  /** There is nothing that this could start again. */
  async reviveServers(): Promise<boolean> {
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
