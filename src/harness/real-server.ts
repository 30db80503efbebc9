import type { RestoreAddress } from '../external/restore-address.ts';
import type { SlabPool } from '../memory/slab-pool.ts';
import type { RealServerSettings, TransportSettings } from '../model/environment.ts';
import type { ReaderSession } from '../pbs/client/reader-session.ts';

/** One more session of a snapshot. */
export interface RealSessionOptions {
  readonly snapshot: string;
  readonly signal: AbortSignal;
  readonly memory: SlabPool;
  readonly transport: TransportSettings;
  readonly connection: number;
}

/** A server that the user named. Its secrets are for programs that log in themselves, and for nothing else in the harness. */
export interface RealServer {
  /** With what the environment said: `bench@pbs@10.0.0.5:8007:tank`, no secret. */
  readonly repository: string;
  readonly namespace: string;
  /** Name or address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** `4.2.3` */
  readonly version: string;
  readonly login: Pick<RestoreAddress, 'authId' | 'datastore' | 'fingerprint' | 'password' | 'keyPassword'>;
  connect(options: RealSessionOptions): Promise<ReaderSession>;
}

/**
 * Reads credentials and key, and asks the server for its version.
 * @throws UsageError where something of it is missing; ServerError where the server cannot be used
 */
export type OpenRealServer = (settings: RealServerSettings, signal: AbortSignal) => Promise<RealServer>;
