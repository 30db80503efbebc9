import { monotonicClock } from '../clock/monotonic.ts';
import type { OpenRealServer, RealServer } from '../harness/real-server.ts';
import { connectReader } from '../pbs/client/reader-session.ts';
import { datastoreOf, serverOf } from '../pbs/client/remote.ts';
import { formatRepository } from '../pbs/client/repository.ts';
import { connectRest } from '../pbs/client/rest-client.ts';
import { transportOptions } from '../pbs/client/transport-options.ts';
import type { Edge } from './edge.ts';
import { readKey } from './read-key.ts';
import { readRemote } from './remote-options.ts';

/** Opens the servers that scenarios name, with credentials from the PBS_* environment, which no record ever sees. Programs that log in themselves are given them. */
export const openRealServer =
  (edge: Pick<Edge, 'env' | 'cwd' | 'interrupted'>): OpenRealServer =>
  async ({ repository, namespace, keyFile }, opening) => {
    const remote = await readRemote(
      { repository, ns: namespace, fingerprint: undefined, 'password-file': undefined },
      edge,
    );
    const login: { -readonly [Name in keyof RealServer['login']]: RealServer['login'][Name] } = {
      authId: remote.repository.authId,
      datastore: remote.repository.store,
      ...(remote.fingerprint === undefined ? {} : { fingerprint: remote.fingerprint }),
      password: remote.secret,
    };
    const crypt =
      keyFile === undefined ? undefined : await readKey(keyFile, edge, (password) => (login.keyPassword = password));
    const clock = monotonicClock();
    await using rest = await connectRest({ ...serverOf(remote), clock, signal: opening });
    const { text: version } = await rest.version(opening);
    return {
      repository: formatRepository(remote.repository),
      namespace: remote.namespace,
      host: remote.repository.host,
      port: remote.repository.port,
      version,
      login,
      connect: async ({ transport, ...session }) =>
        await connectReader({
          ...serverOf(remote),
          ...datastoreOf(remote),
          ...(crypt === undefined ? {} : { crypt }),
          ...transportOptions(transport),
          ...session,
          clock,
        }),
    };
  };
