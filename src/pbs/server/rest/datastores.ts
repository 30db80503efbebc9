import { statfs } from 'node:fs/promises';

import { isBoolean } from '../parameters.ts';
import { storeRule } from '../parameter-rules.ts';
import { dataAnswer } from '../public-request.ts';
import type { ServedStore } from '../served-store.ts';
import { aclPath, authorize, type RestCall, type RestEndpoint } from './rest-call.ts';

/** Of a folder that nothing mounts on demand, and of one on a file system. */
const kind = { 'backend-type': 'filesystem', 'mount-status': 'nonremovable' } as const;

const visible = ['Datastore.Audit', 'Datastore.Backup'] as const;

/** `GET /admin/datastore` */
export const listDatastores: RestEndpoint = {
  rules: {},
  answer: async (call) =>
    dataAnswer(
      await Promise.resolve(
        visibleStores(call).map(({ name, isReadOnly }) => ({
          'backend-type': kind['backend-type'],
          comment: null,
          ...(isReadOnly ? { maintenance: 'type=read-only' } : {}),
          'mount-status': kind['mount-status'],
          store: name,
        })),
      ),
    ),
};

/** `GET /status/datastore-usage` */
export const datastoreUsage: RestEndpoint = {
  rules: {},
  answer: async (call) =>
    dataAnswer(
      await Promise.all(
        visibleStores(call).map(async (store) => ({ ...(await spaceOf(store)), ...kind, store: store.name })),
      ),
    ),
};

/** `GET /admin/datastore/{store}/status` */
export const datastoreStatus: RestEndpoint = {
  rules: { store: storeRule, verbose: { check: isBoolean, isOptional: true } },
  answer: async (call) => {
    const { store, granted } = authorize(call, ['Datastore.Audit', 'Datastore.Backup', 'Datastore.Read']);
    const isShown = visible.some((privilege) => granted.has(privilege));
    const { avail, total, used } = isShown ? await spaceOf(store) : { avail: 0, total: 0, used: 0 };
    return dataAnswer({ avail, 'backend-type': kind['backend-type'], total, used });
  },
};

function visibleStores({ server, caller }: RestCall): readonly ServedStore[] {
  return [...server.stores.values()].filter(({ name }) => {
    const path = aclPath(name);
    const granted = caller.privilegesAt(path);
    return visible.some((privilege) => granted.has(privilege)) || caller.hasPrivilegesBelow(path);
  });
}

/** Bytes of its file system; what only root may use is neither used nor available, as `df` has it. */
async function spaceOf({ path }: ServedStore): Promise<{ avail: number; total: number; used: number }> {
  const { bsize, blocks, bfree, bavail } = await statfs(path);
  return { avail: bavail * bsize, total: blocks * bsize, used: (blocks - bfree) * bsize };
}
