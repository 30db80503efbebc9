import { join } from 'node:path';

import { archiveKind } from '../../format/archive-name.ts';
import { fileNameRule, namespaceRule, snapshotOf, snapshotRules, storeRule } from '../parameter-rules.ts';
import { streamAnswer } from '../public-request.ts';
import { Refusal } from '../refusal.ts';
import { openFile } from '../open-file.ts';
import { findSnapshot } from './find-snapshot.ts';
import { namespaceOf } from './namespaces.ts';
import { authorizeGroup, type GroupRight, type RestEndpoint } from './rest-call.ts';

export const downloadRules: RestEndpoint['rules'] = {
  ...snapshotRules,
  'file-name': fileNameRule,
  ns: namespaceRule,
  store: storeRule,
};

export const downloadRight: GroupRight = { anyOf: ['Datastore.Read'], ofOwner: 'Datastore.Backup' };

/** `GET /admin/datastore/{store}/download`: a file of a snapshot as it is. */
export const download: RestEndpoint = {
  isRaw: true,
  rules: downloadRules,
  answer: async (call) => {
    const snapshot = snapshotOf(call.parameters);
    const access = await authorizeGroup(call, snapshot, downloadRight);
    const folder = await findSnapshot(access.store.path, await namespaceOf(access), snapshot);
    const name = call.parameters.get('file-name') ?? '';
    if (archiveKind(name) === undefined) throw new Refusal(400, `unknown archive type: ${JSON.stringify(name)}`);
    return streamAnswer(await openFile(join(folder, name)));
  },
};
