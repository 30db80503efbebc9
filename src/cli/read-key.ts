import { resolve } from 'node:path';

import { loadKey } from '../pbs/client/load-key.ts';
import type { Secret } from '../model/secret.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import type { Edge } from './edge.ts';
import { secretFromEnvironment } from './remote-options.ts';

/**
 * The key of a key file, its password from `PBS_ENCRYPTION_PASSWORD` or one of its other forms.
 * @param onPassword is told it, if one was needed
 * @throws UsageError as `loadKey` and `secretFromEnvironment`
 */
export async function readKey(
  path: string,
  edge: Pick<Edge, 'env' | 'cwd' | 'interrupted'>,
  onPassword: (password: Secret) => void = () => {},
): Promise<CryptConfig> {
  return await loadKey(resolve(edge.cwd, path), {
    passphrase: async () => {
      const password = await secretFromEnvironment('PBS_ENCRYPTION_PASSWORD', edge);
      if (password !== undefined) onPassword(password);
      return password?.reveal();
    },
  });
}
