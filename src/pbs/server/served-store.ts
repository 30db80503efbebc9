import type { DatastoreLocks } from '../lock/datastore-locks.ts';
import type { ChunkPool } from './synthesised-chunks.ts';

/** A datastore that is offered. */
export interface ServedStore {
  readonly name: string;
  /** Absolute path of its folder, links followed. */
  readonly path: string;
  readonly locks: DatastoreLocks;
  /** Its chunks, where they are not in the folder. */
  readonly pool?: ChunkPool;
  /** As in PBS's maintenance mode of that name: nothing is written or removed. */
  readonly isReadOnly: boolean;
}
