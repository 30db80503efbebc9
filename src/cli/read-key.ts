import { resolve } from 'node:path';

import { loadKey } from '../pbs/client/load-key.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import type { Edge } from './edge.ts';
import { secretFromEnvironment } from './remote-options.ts';

/**
 * The key of a key file, its password from `PBS_ENCRYPTION_PASSWORD` or one of its other forms.
 * @throws UsageError as `loadKey` and `secretFromEnvironment`
 */
export async function readKey(path: string, edge: Pick<Edge, 'env' | 'cwd' | 'interrupted'>): Promise<CryptConfig> {
  return await loadKey(resolve(edge.cwd, path), {
    passphrase: async () => (await secretFromEnvironment('PBS_ENCRYPTION_PASSWORD', edge))?.reveal(),
  });
}
