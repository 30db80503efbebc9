import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { DurableFiles } from '../../datastore/durable-files.ts';
import { verifyBlobCrc } from '../../format/blob.ts';
import { namespaceRule, snapshotRules, storeRule } from '../parameter-rules.ts';
import { dataAnswer } from '../public-request.ts';
import { Refusal } from '../refusal.ts';
import { calledSnapshot } from './called-snapshot.ts';
import { requireWritable, type RestEndpoint } from './rest-call.ts';

const LOG_NAME = 'client.log.blob';

/** Far more than any client has to say. */
const MAX_LOG_BYTES: number = 16 * 1024 * 1024;

/** `POST /admin/datastore/{store}/upload-backup-log`: what the client has logged, as a blob; once, and by the owner only. */
export const uploadBackupLog: RestEndpoint = {
  isRaw: true,
  rules: { ...snapshotRules, ns: namespaceRule, store: storeRule },
  answer: async (call) => {
    const { access, folder } = await calledSnapshot(call, { anyOf: [], ofOwner: 'Datastore.Backup' });
    requireWritable(access.store);
    const path = join(folder, LOG_NAME);
    const isThere = await stat(path).then(
      () => true,
      () => false,
    );
    if (isThere) throw new Refusal(400, 'backup already contains a log.');
    const blob = await call.request.body(MAX_LOG_BYTES);
    try {
      verifyBlobCrc(blob);
    } catch {
      throw new Refusal(400, 'Data blob has wrong CRC checksum.');
    }
    const durable = new DurableFiles(call.server.files);
    await durable.write(path, blob);
    await durable.flush();
    return dataAnswer(null);
  },
};
