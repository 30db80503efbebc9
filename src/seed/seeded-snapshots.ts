import { snapshotParameters } from '../pbs/client/query.ts';
import { placeText } from '../pbs/client/refusal.ts';
import type { RemoteSnapshot, SnapshotPlace } from '../pbs/client/remote-snapshots.ts';
import type { RestClient } from '../pbs/client/rest-client.ts';
import { seedMark } from './seed-mark.ts';

/** The finished ones that `seed` has made: marked in the name of their group and in their notes. */
export const seededOnly = (snapshots: readonly RemoteSnapshot[]): readonly RemoteSnapshot[] =>
  snapshots.filter(({ snapshot, isFinished, comment }) => isFinished && seedMark(snapshot, comment) !== undefined);

/** Removes one snapshot from the server; @throws what the client throws */
export async function forgetSnapshot(
  rest: RestClient,
  { store, namespace }: Pick<SnapshotPlace, 'store' | 'namespace'>,
  { snapshot, name }: RemoteSnapshot,
  signal: AbortSignal,
): Promise<void> {
  await rest.delete({
    path: `/admin/datastore/${store}/snapshots`,
    parameters: snapshotParameters(snapshot, namespace),
    what: `removing ${name} from ${placeText(store, namespace)}`,
    store,
    namespace,
    snapshot: name,
    neededRole: 'DatastorePowerUser on the datastore is enough to remove what one owns',
    signal,
  });
}
