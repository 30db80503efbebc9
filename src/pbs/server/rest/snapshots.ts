import { Readable } from 'node:stream';

import { listGroup, listGroups, type ListedGroup } from '../../datastore/list-snapshots.ts';
import { backupTypes, isBackupType } from '../../format/snapshot-path.ts';
import { namespaceRule, optionalGroupRules, storeRule } from '../parameter-rules.ts';
import { JSON_TYPE, streamAnswer } from '../public-request.ts';
import { namespaceOf } from './namespaces.ts';
import { isOwner } from './owner.ts';
import { authorize, type RestEndpoint, type StoreAccess } from './rest-call.ts';
import { snapshotItem } from './snapshot-item.ts';

/**
 * `GET /admin/datastore/{store}/snapshots`: written as they are read, since each costs a look at its manifest. A group
 * without an owner is not listed, as PBS ignores it.
 */
export const listSnapshots: RestEndpoint = {
  rules: { ...optionalGroupRules, ns: namespaceRule, store: storeRule },
  answer: async (call) => {
    const access = authorize(call, ['Datastore.Audit', 'Datastore.Backup']);
    const namespace = await namespaceOf(access);
    const [type, id] = [call.parameters.get('backup-type'), call.parameters.get('backup-id')];
    const groups = (await chosenGroups(namespace, type, id)).filter((group) => isListed(access, group));
    return streamAnswer(Readable.from(jsonOf(access.store.path, namespace, groups)), JSON_TYPE);
  },
};

/** Whether the caller may see that a group is there: all of them, or those that they own. */
export const isListed = ({ granted, caller }: StoreAccess, { owner }: ListedGroup): boolean =>
  owner !== undefined && (granted.has('Datastore.Audit') || isOwner(caller.authId, owner));

async function chosenGroups(
  namespace: string,
  type: string | undefined,
  id: string | undefined,
): Promise<readonly ListedGroup[]> {
  if (type !== undefined && id !== undefined && isBackupType(type)) return [await listGroup(namespace, { type, id })];
  if (id !== undefined)
    return await Promise.all(backupTypes.map(async (each) => await listGroup(namespace, { type: each, id })));
  const groups = await listGroups(namespace);
  return type === undefined ? groups : groups.filter((group) => group.type === type);
}

async function* jsonOf(base: string, namespace: string, groups: readonly ListedGroup[]): AsyncGenerator<string> {
  let separator = '{"data":[';
  for (const { owner, snapshots } of groups) {
    for (const listed of snapshots) {
      const item = await snapshotItem(base, namespace, listed, owner);
      if (item === undefined) continue;
      yield `${separator}${JSON.stringify(item)}`;
      separator = ',';
    }
  }
  yield separator === ',' ? ']}' : '{"data":[]}';
}
