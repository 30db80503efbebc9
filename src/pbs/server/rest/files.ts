import { listSnapshot } from '../../datastore/list-snapshots.ts';
import { namespaceRule, snapshotRules, storeRule } from '../parameter-rules.ts';
import { dataAnswer } from '../public-request.ts';
import { calledSnapshot } from './called-snapshot.ts';
import type { RestEndpoint } from './rest-call.ts';
import { fileItems } from './snapshot-item.ts';

/** `GET /admin/datastore/{store}/files` */
export const listFiles: RestEndpoint = {
  rules: { ...snapshotRules, ns: namespaceRule, store: storeRule },
  answer: async (call) => {
    const { namespace, snapshot } = await calledSnapshot(call, {
      anyOf: ['Datastore.Audit', 'Datastore.Read'],
      ofOwner: 'Datastore.Backup',
    });
    const items = await fileItems(namespace, await listSnapshot(namespace, snapshot));
    // The one list whose keys PBS sorts.
    return dataAnswer(
      items.map(({ 'crypt-mode': cryptMode, ...rest }) =>
        cryptMode === undefined ? rest : { 'crypt-mode': cryptMode, ...rest },
      ),
    );
  },
};
