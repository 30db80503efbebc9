import { join } from 'node:path';

import { DurableFiles } from '../../datastore/durable-files.ts';
import { groupFolder } from '../../datastore/layout.ts';
import { realPathInside } from '../../datastore/real-path-inside.ts';
import { isText, type ParameterRule } from '../parameters.ts';
import { groupOf, groupRules, namespaceRule, snapshotRules, storeRule } from '../parameter-rules.ts';
import { dataAnswer } from '../public-request.ts';
import { Refusal } from '../refusal.ts';
import { calledSnapshot } from './called-snapshot.ts';
import { changeManifest, readManifest } from './change-manifest.ts';
import { groupNotes, NOTES_NAME } from './groups.ts';
import { namespaceOf } from './namespaces.ts';
import {
  authorizeGroup,
  requireWritable,
  type GroupRight,
  type RestCall,
  type RestEndpoint,
  type StoreAccess,
} from './rest-call.ts';
import { notesOf } from './snapshot-item.ts';

export const mayLook: GroupRight = { anyOf: ['Datastore.Audit'], ofOwner: 'Datastore.Backup' };
export const mayChange: GroupRight = { anyOf: ['Datastore.Modify'], ofOwner: 'Datastore.Backup' };

const notesRule: ParameterRule = { check: isText };

const rulesOfSnapshot = { ...snapshotRules, ns: namespaceRule, store: storeRule };
const rulesOfGroup = { ...groupRules, ns: namespaceRule, store: storeRule };

/** `GET /admin/datastore/{store}/notes` */
export const getNotes: RestEndpoint = {
  rules: rulesOfSnapshot,
  answer: async (call) => dataAnswer(notesOf(await readManifest((await calledSnapshot(call, mayLook)).folder))),
};

/** `PUT /admin/datastore/{store}/notes`: they are in the manifest, but not signed. */
export const setNotes: RestEndpoint = {
  rules: { ...rulesOfSnapshot, notes: notesRule },
  answer: async (call) => {
    const { access, folder } = await calledSnapshot(call, mayChange);
    requireWritable(access.store);
    const notes = call.parameters.get('notes') ?? '';
    await changeManifest(access.store, folder, call.server.files, (unprotected) => ({ ...unprotected, notes }));
    return dataAnswer(null);
  },
};

/** `GET /admin/datastore/{store}/group-notes` */
export const getGroupNotes: RestEndpoint = {
  rules: rulesOfGroup,
  answer: async (call) => {
    const { access, folder } = await groupFolderOf(call, mayLook);
    return dataAnswer(await groupNotes(access.store.path, folder));
  },
};

/** `PUT /admin/datastore/{store}/group-notes` */
export const setGroupNotes: RestEndpoint = {
  rules: { ...rulesOfGroup, notes: notesRule },
  answer: async (call) => {
    const { access, folder } = await groupFolderOf(call, mayChange);
    requireWritable(access.store);
    const durable = new DurableFiles(call.server.files);
    await durable.write(join(folder, NOTES_NAME), Buffer.from(call.parameters.get('notes') ?? ''));
    await durable.flush();
    return dataAnswer(null);
  },
};

async function groupFolderOf(
  call: RestCall,
  right: GroupRight,
): Promise<{ readonly access: StoreAccess; readonly folder: string }> {
  const group = groupOf(call.parameters);
  const access = await authorizeGroup(call, group, right);
  const folder = await realPathInside(access.store.path, groupFolder(await namespaceOf(access), group));
  if (folder === undefined) throw new Refusal(400, `group ${group.type}/${group.id} does not exist.`);
  return { access, folder };
}
