import { KnownError } from '../model/errors.ts';
import { snapshotParameters } from '../pbs/client/query.ts';
import { placeText } from '../pbs/client/refusal.ts';
import type { RemoteSnapshot, SnapshotPlace } from '../pbs/client/remote-snapshots.ts';
import type { RestClient } from '../pbs/client/rest-client.ts';
import { seedMark } from './seed-mark.ts';

/** The finished ones that `seed` has made: marked in the name of their group and in their notes. */
export const seededOnly = (snapshots: readonly RemoteSnapshot[]): readonly RemoteSnapshot[] =>
  snapshots.filter(({ snapshot, isFinished, comment }) => isFinished && seedMark(snapshot, comment) !== undefined);

/**
 * Removes snapshots from the server, one after the other; those that somebody else has removed meanwhile are passed over.
 * @param onForgotten told the name of each that this has removed
 * @throws what the client throws for the first that cannot be removed
 */
export async function forgetSnapshots(
  rest: Pick<RestClient, 'delete'>,
  { store, namespace }: Pick<SnapshotPlace, 'store' | 'namespace'>,
  snapshots: readonly Pick<RemoteSnapshot, 'snapshot' | 'name'>[],
  { onForgotten, signal }: { readonly onForgotten: (name: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  for (const { snapshot, name } of snapshots) {
    try {
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
      onForgotten(name);
    } catch (error) {
      if (!(error instanceof KnownError) || error.code !== 'snapshot-not-found') throw error;
    }
  }
}
