import { join } from 'node:path';

import { archiveKind } from '../../format/archive-name.ts';
import { fileNameRule, namespaceRule, snapshotRules, storeRule } from '../parameter-rules.ts';
import { streamAnswer } from '../public-request.ts';
import { Refusal } from '../refusal.ts';
import { openFile } from '../open-file.ts';
import { calledSnapshot } from './called-snapshot.ts';
import type { GroupRight, RestEndpoint } from './rest-call.ts';

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
    const { folder } = await calledSnapshot(call, downloadRight);
    const name = call.parameters.get('file-name') ?? '';
    if (archiveKind(name) === undefined) throw new Refusal(400, `unknown archive type: ${JSON.stringify(name)}`);
    return streamAnswer(await openFile(join(folder, name)));
  },
};
