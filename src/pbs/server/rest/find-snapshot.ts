import { isFolder } from '../../../files/is-folder.ts';
import { snapshotFolder } from '../../datastore/layout.ts';
import { realPathInside } from '../../datastore/real-path-inside.ts';
import { formatSnapshotPath, type SnapshotPath } from '../../format/snapshot-path.ts';
import { Refusal } from '../refusal.ts';

/**
 * Where a snapshot of a namespace, given by its folder, really is.
 * @param base folder of the datastore, out of which no link may lead
 * @throws Refusal 400 where it is not there, also because its namespace is not
 */
export async function findSnapshot(base: string, namespace: string, snapshot: SnapshotPath): Promise<string> {
  const folder = await realPathInside(base, snapshotFolder(namespace, snapshot));
  if (folder === undefined || !(await isFolder(folder)))
    throw new Refusal(400, `snapshot ${formatSnapshotPath(snapshot)} does not exist.`);
  return folder;
}
