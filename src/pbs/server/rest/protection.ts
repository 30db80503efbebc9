import { join } from 'node:path';

import { DurableFiles } from '../../datastore/durable-files.ts';
import { isBoolean, isTrue } from '../parameters.ts';
import { namespaceRule, snapshotRules, storeRule } from '../parameter-rules.ts';
import { dataAnswer } from '../public-request.ts';
import { calledSnapshot } from './called-snapshot.ts';
import { mayChange, mayLook } from './notes.ts';
import { requireWritable, type RestEndpoint } from './rest-call.ts';
import { isProtected, PROTECTED_NAME } from './snapshot-item.ts';

const rules = { ...snapshotRules, ns: namespaceRule, store: storeRule };

/** `GET /admin/datastore/{store}/protected` */
export const getProtection: RestEndpoint = {
  rules,
  answer: async (call) => dataAnswer(await isProtected((await calledSnapshot(call, mayLook)).folder)),
};

/** `PUT /admin/datastore/{store}/protected` */
export const setProtection: RestEndpoint = {
  rules: { ...rules, protected: { check: isBoolean } },
  answer: async (call) => {
    const { access, folder } = await calledSnapshot(call, mayChange);
    requireWritable(access.store);
    const durable = new DurableFiles(call.server.files);
    const marker = join(folder, PROTECTED_NAME);
    if (isTrue(call.parameters.get('protected'))) await durable.write(marker, new Uint8Array());
    else await call.server.files.rm(marker, { force: true });
    durable.touchFolderOf(marker);
    await durable.flush();
    return dataAnswer(null);
  },
};
