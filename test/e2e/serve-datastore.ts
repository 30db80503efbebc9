import { join } from 'node:path';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import { startEmbeddedServer, type RunningServer } from '../../src/pbs/server/start-embedded-server.ts';
import type { Workbench } from './workbench.ts';

export interface ServedDatastore {
  /** Name under which clients find it. */
  readonly store: string;
  /** Its folder. */
  readonly path: string;
  readonly userId?: string;
  readonly secret: string;
  readonly certificateFolder?: string;
}

/** Serves a datastore folder from this process, as a real server that only the environment of the bench names and opens. */
export async function serveDatastore(
  bench: Workbench,
  { store, path, userId = 'root@pam', secret, certificateFolder = join(bench.folder, 'certificate') }: ServedDatastore,
): Promise<RunningServer> {
  const server = await startEmbeddedServer({ clock: monotonicClock(), userId, secret, certificateFolder });
  server.mount({ store, path });
  Object.assign(bench.env, {
    PBS_REPOSITORY: `${userId}@127.0.0.1:${server.port}:${store}`,
    PBS_PASSWORD: secret,
    PBS_FINGERPRINT: server.fingerprint,
  });
  return server;
}
