import { listSnapshot } from '../../datastore/list-snapshots.ts';
import { namespaceRule, snapshotOf, snapshotRules, storeRule } from '../parameter-rules.ts';
import { dataAnswer } from '../public-request.ts';
import { findSnapshot } from './find-snapshot.ts';
import { namespaceOf } from './namespaces.ts';
import { authorizeGroup, type RestEndpoint } from './rest-call.ts';
import { fileItems } from './snapshot-item.ts';

/** `GET /admin/datastore/{store}/files` */
export const listFiles: RestEndpoint = {
  rules: { ...snapshotRules, ns: namespaceRule, store: storeRule },
  answer: async (call) => {
    const snapshot = snapshotOf(call.parameters);
    const access = await authorizeGroup(call, snapshot, {
      anyOf: ['Datastore.Audit', 'Datastore.Read'],
      ofOwner: 'Datastore.Backup',
    });
    const namespace = await namespaceOf(access);
    await findSnapshot(access.store.path, namespace, snapshot);
    const items = await fileItems(namespace, await listSnapshot(namespace, snapshot));
    // The one list whose keys PBS sorts.
    return dataAnswer(
      items.map(({ 'crypt-mode': cryptMode, ...rest }) =>
        cryptMode === undefined ? rest : { 'crypt-mode': cryptMode, ...rest },
      ),
    );
  },
};
