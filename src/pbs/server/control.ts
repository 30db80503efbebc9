import type { ChunkRecipe } from '../../material/chunk-recipe.ts';
import type { StorageSettings } from '../../model/environment.ts';
import type { StorageCounters } from '../../model/records.ts';
import type { TransportName } from '../../model/transport.ts';
import type { ThreadProfile } from '../../process/cpu-profiler.ts';
import type { Accounts } from './access/accounts.ts';

/** What the harness asks of the embedded server's process, over its IPC channel; nothing of it is in argv or env. */
export interface EmbeddedServerCalls {
  /** Binds to 127.0.0.1, on a free port unless one is given. */
  listen(options: ListenOptions): Promise<Listening>;
  /** Makes a datastore folder available under a store name; replaces an earlier one of that name. */
  mount(options: MountOptions): void;
  /** As `mount`, with chunks that the server makes in its memory before it answers. */
  mountSynthesised(options: SynthesisedMountOptions): Promise<void>;
  /** Takes effect for every read that starts afterwards. */
  setStorage(settings: StorageSettings): void;
  /** Takes effect for every connection that is made afterwards. */
  setTransport(options: { readonly name: TransportName }): void;
  /** Storage counters since the last call of `resetCounters`. */
  counters(): StorageCounters;
  resetCounters(): void;
  /** Samples what the process spends its time on, from now until `stopProfile`. */
  startProfile(): Promise<void>;
  stopProfile(): Promise<readonly ThreadProfile[]>;
  [method: string]: (parameter: never) => unknown;
}

export interface MountOptions {
  readonly store: string;
  /** Absolute path of its folder. */
  readonly path: string;
  /** As in PBS's maintenance mode of that name: nothing is written or removed. */
  readonly isReadOnly?: boolean;
}

export interface SynthesisedMountOptions extends MountOptions {
  /** Of all chunks that its indexes name. */
  readonly recipe: ChunkRecipe;
}

export type ListenOptions = ListenPlace & (OneAccount | { readonly accounts: Accounts });

interface ListenPlace {
  readonly port?: number;
  /** Folder of the certificate and its key, made on first use. */
  readonly certificateFolder: string;
}

/** Somebody who may do everything. */
export interface OneAccount {
  /** User who may log in, e.g. `root@pam`, or API token, e.g. `root@pam!bench`. */
  readonly userId: string;
  /** Random for every run; must be kept out of logs and error texts. */
  readonly secret: string;
}

export interface Listening {
  readonly port: number;
  /** SHA-256 over the DER certificate, lower-case hex pairs joined with colons. */
  readonly fingerprint: string;
}
