import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { asMachineError, systemErrorCode } from '../../model/errors.ts';
import { isNamespace, MAX_NAMESPACE_DEPTH } from '../format/namespace.ts';
import { namespaceFolder } from './layout.ts';

/** The namespace itself and all below it down to `maxDepth` levels, each before its children, sorted by name. */
export async function listNamespaces(
  base: string,
  { parent = '', maxDepth = MAX_NAMESPACE_DEPTH }: { readonly parent?: string; readonly maxDepth?: number } = {},
): Promise<readonly string[]> {
  const found = [parent];
  if (maxDepth === 0) return found;
  for (const name of await childNames(join(namespaceFolder(base, parent), 'ns'))) {
    const child = parent === '' ? name : `${parent}/${name}`;
    if (isNamespace(child)) found.push(...(await listNamespaces(base, { parent: child, maxDepth: maxDepth - 1 })));
  }
  return found;
}

/** A link is no namespace, wherever it leads. */
async function childNames(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return [];
    throw asMachineError(error, `listing ${folder}`);
  }
}
