import { SlabPool } from '../../memory/slab-pool.ts';
import type { Clock } from '../../model/ports.ts';
import { inspectSnapshot, type InspectedSnapshot, type InspectOptions } from '../datastore/inspect.ts';
import { connectReader } from './reader-session.ts';
import { remoteSource, REMOTE_IN_FLIGHT } from './remote-source.ts';
import { datastoreOf, serverOf, type Remote } from './remote.ts';
import { connectRest } from './rest-client.ts';

/**
 * Chunk statistics of a snapshot on a server. With `contents`, every distinct chunk is downloaded and checked, else none:
 * a server hands out chunks whole.
 * @throws as `connectRest` and `connectReader`; what is wrong with manifest, indexes or signature
 */
export async function inspectRemote(
  remote: Remote,
  snapshot: string,
  clock: Clock,
  options: InspectOptions & { readonly signal: AbortSignal },
): Promise<InspectedSnapshot> {
  const { signal, crypt } = options;
  const place = datastoreOf(remote);
  const server = { ...serverOf(remote), clock, signal };
  await using rest = await connectRest(server);
  await using session = await connectReader({
    ...server,
    ...place,
    snapshot,
    memory: new SlabPool({ limit: REMOTE_IN_FLIGHT }),
    ...(crypt === undefined ? {} : { crypt }),
  });
  return await inspectSnapshot(remoteSource({ session, rest, place, snapshot, signal }), snapshot, options);
}
