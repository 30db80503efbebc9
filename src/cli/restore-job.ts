import type { Clock, Strategy, StrategyKnobs } from '../model/ports.ts';
import type { SlabPool } from '../memory/slab-pool.ts';
import { connectReader, type ReaderSession } from '../pbs/client/reader-session.ts';
import { datastoreOf, serverOf, type Remote } from '../pbs/client/remote.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import type { Edge } from './edge.ts';
import type { RestoreDestination } from './restore-destination.ts';

/** One restore as the command line asks for it, everything checked that can be without a server. */
export interface RestoreJob {
  readonly remote: Remote;
  /** `vm/100/2026-02-16T16:30:44Z` */
  readonly snapshot: string;
  /** Name as the server has it. */
  readonly archive: string;
  readonly destination: RestoreDestination;
  readonly strategy: Strategy;
  readonly knobs: StrategyKnobs;
  /** The user's key. */
  readonly crypt?: CryptConfig;
  /** A device is overwritten without asking. */
  readonly force: boolean;
  /** What an earlier restore has left is discarded. */
  readonly restart: boolean;
  readonly clock: Clock;
  readonly edge: Edge;
}

/** Opens a session for the snapshot. */
export async function connectFor(
  { remote, snapshot, crypt, clock, edge }: Pick<RestoreJob, 'remote' | 'snapshot' | 'crypt' | 'clock' | 'edge'>,
  options: { readonly connection?: number; readonly memory?: SlabPool } = {},
): Promise<ReaderSession> {
  return await connectReader({
    ...serverOf(remote),
    ...datastoreOf(remote),
    snapshot,
    clock,
    signal: edge.interrupted,
    ...(crypt === undefined ? {} : { crypt }),
    ...options,
  });
}
