import { dirname, join } from 'node:path';

import { systemErrorCode } from '../../../model/errors.ts';
import { DurableFiles } from '../../datastore/durable-files.ts';
import { isFolder } from '../../../files/is-folder.ts';
import { modes, namespaceFolder } from '../../datastore/layout.ts';
import { listNamespaces } from '../../datastore/list-namespaces.ts';
import { realPathInside } from '../../datastore/real-path-inside.ts';
import { isNamespace, MAX_NAMESPACE_DEPTH } from '../../format/namespace.ts';
import { isIntegerFrom } from '../parameters.ts';
import { namespacePartRule, namespaceRule, storeRule } from '../parameter-rules.ts';
import { dataAnswer } from '../public-request.ts';
import { Refusal } from '../refusal.ts';
import type { ServedStore } from '../served-store.ts';
import {
  aclPath,
  permissionDenied,
  requireStore,
  requireWritable,
  type RestEndpoint,
  type RestServer,
  type StoreAccess,
} from './rest-call.ts';

const visible = ['Datastore.Audit', 'Datastore.Modify', 'Datastore.Read', 'Datastore.Backup'] as const;

/** `GET /admin/datastore/{store}/namespace`: those of which the caller may see something. */
export const listStoreNamespaces: RestEndpoint = {
  rules: {
    'max-depth': { check: isIntegerFrom(0, MAX_NAMESPACE_DEPTH), isOptional: true },
    parent: namespaceRule,
    store: storeRule,
  },
  answer: async ({ server, caller, parameters }) => {
    const [name, parent] = [parameters.get('store') ?? '', parameters.get('parent') ?? ''];
    const isVisible = (namespace: string): boolean => {
      const path = aclPath(name, namespace);
      const granted = caller.privilegesAt(path);
      return visible.some((privilege) => granted.has(privilege)) || caller.hasPrivilegesBelow(path);
    };
    if (!isVisible(parent)) throw permissionDenied();
    const { path } = requireStore(server, name);
    await requireNamespace(path, parent);
    const maxDepth = Number(parameters.get('max-depth') ?? MAX_NAMESPACE_DEPTH);
    const found = await listNamespaces(path, { parent, maxDepth });
    return dataAnswer(found.filter(isVisible).map((ns) => ({ ns })));
  },
};

/** `POST /admin/datastore/{store}/namespace` */
export const createNamespace: RestEndpoint = {
  rules: { name: namespacePartRule, parent: namespaceRule, store: storeRule },
  answer: async ({ server, caller, parameters }) => {
    const [store, parent] = [parameters.get('store') ?? '', parameters.get('parent') ?? ''];
    if (!caller.privilegesAt(aclPath(store, parent)).has('Datastore.Modify')) throw permissionDenied();
    const { path } = writableStore(server, store);
    const name = parameters.get('name') ?? '';
    const namespace = parent === '' ? name : `${parent}/${name}`;
    if (!isNamespace(namespace)) throw new Refusal(400, 'namespace depth exceeds the limit');
    await requireNamespace(path, parent);
    const folder = namespaceFolder(path, namespace);
    const durable = new DurableFiles(server.files);
    await durable.makeFolder(dirname(folder), modes.group);
    if (!(await durable.makeFolder(folder, modes.group)))
      throw new Refusal(400, `namespace '${namespace}' already exists`);
    await durable.flush();
    return dataAnswer(namespace);
  },
};

/** `DELETE /admin/datastore/{store}/namespace`: only of one that is empty. */
export const deleteNamespace: RestEndpoint = {
  rules: { ns: { ...namespaceRule, isOptional: false }, store: storeRule },
  answer: async ({ server, caller, parameters }) => {
    const [store, namespace] = [parameters.get('store') ?? '', parameters.get('ns') ?? ''];
    const parent = namespace.split('/').slice(0, -1).join('/');
    if (!caller.privilegesAt(aclPath(store, parent)).has('Datastore.Modify')) throw permissionDenied();
    const { path } = writableStore(server, store);
    if (namespace === '') throw new Refusal(400, 'cannot delete root namespace!');
    await requireNamespace(path, namespace);
    const folder = namespaceFolder(path, namespace);
    try {
      await server.files.rmdir(join(folder, 'ns')).catch(ignoreAbsent);
      await server.files.rmdir(folder);
    } catch (error) {
      if (systemErrorCode(error) === 'ENOTEMPTY') throw new Refusal(400, `namespace '${namespace}' is not empty`);
      throw error;
    }
    return dataAnswer(null);
  },
};

function writableStore(server: RestServer, name: string): ServedStore {
  const store = requireStore(server, name);
  requireWritable(store);
  return store;
}

/** The folder of the namespace that a call is about. */
export async function namespaceOf({ store, namespace }: StoreAccess): Promise<string> {
  await requireNamespace(store.path, namespace);
  return namespaceFolder(store.path, namespace);
}

/** @throws Refusal 404 where there is none */
async function requireNamespace(base: string, namespace: string): Promise<void> {
  const folder = await realPathInside(base, namespaceFolder(base, namespace));
  if (folder === undefined || !(await isFolder(folder))) throw new Refusal(404, 'namespace not found');
}

function ignoreAbsent(error: unknown): void {
  if (systemErrorCode(error) !== 'ENOENT') throw error;
}
