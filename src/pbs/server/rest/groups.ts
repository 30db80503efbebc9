import { join } from 'node:path';

import { groupFolder } from '../../datastore/layout.ts';
import { listGroups, type ListedGroup } from '../../datastore/list-snapshots.ts';
import { namespaceRule, storeRule } from '../parameter-rules.ts';
import { dataAnswer } from '../public-request.ts';
import { readFileInside } from '../read-file-inside.ts';
import { namespaceOf } from './namespaces.ts';
import { authorize, type RestEndpoint } from './rest-call.ts';
import { firstLine } from './snapshot-item.ts';
import { isListed } from './snapshots.ts';

/** Notes come in one parameter, whose body has less than this. */
export const MAX_NOTES_BYTES: number = 512 * 1024;

/** Of a group what people wrote about it (spec 8.1). */
export const NOTES_NAME = 'notes';

/** `GET /admin/datastore/{store}/groups`: those with a snapshot. */
export const listStoreGroups: RestEndpoint = {
  rules: { ns: namespaceRule, store: storeRule },
  answer: async (call) => {
    const access = authorize(call, ['Datastore.Audit', 'Datastore.Backup']);
    const namespace = await namespaceOf(access);
    const groups = (await listGroups(namespace)).filter((group) => isListed(access, group));
    const items = await Promise.all(groups.map(async (group) => await groupItem(access.store.path, namespace, group)));
    return dataAnswer(items.filter((item) => item !== undefined));
  },
};

async function groupItem(
  base: string,
  namespace: string,
  group: ListedGroup,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const last = group.snapshots.findLast(({ isFinished }) => isFinished) ?? group.snapshots.at(-1);
  if (last === undefined) return undefined;
  const comment = firstLine(await groupNotes(base, groupFolder(namespace, group)));
  return {
    'backup-count': group.snapshots.length,
    'backup-id': group.id,
    'backup-type': group.type,
    ...(comment === undefined ? {} : { comment }),
    files: last.files,
    'last-backup': last.snapshot.time,
    owner: group.owner,
  };
}

/** What somebody wrote about a group; empty without. */
export async function groupNotes(base: string, folder: string): Promise<string> {
  return (await readFileInside(base, join(folder, NOTES_NAME), MAX_NOTES_BYTES))?.toString('utf8') ?? '';
}
