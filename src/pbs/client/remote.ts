import type { Secret } from '../../model/secret.ts';
import type { Repository } from './repository.ts';
import type { ServerOptions } from './server-options.ts';

/** A namespace of a datastore on a server, as the user named it, and how to get in. */
export interface Remote {
  readonly repository: Repository;
  /** `a/b`; empty for the root. */
  readonly namespace: string;
  /** As given; an authority must vouch for the certificate where absent. */
  readonly fingerprint?: string;
  /** The password of the user, or the secret of the API token. */
  readonly secret: Secret;
}

/** What `connectRest` and `connectReader` need to know of the server. */
export const serverOf = ({
  repository,
  fingerprint,
  secret,
}: Remote): Pick<ServerOptions, 'host' | 'port' | 'fingerprint' | 'credentials'> => ({
  host: repository.host,
  port: repository.port,
  credentials: { authId: repository.authId, secret },
  ...(fingerprint === undefined ? {} : { fingerprint }),
});

/** What `connectReader` needs to know of the place on the server. */
export const datastoreOf = ({
  repository,
  namespace,
}: Remote): { readonly store: string; readonly namespace: string } => ({ store: repository.store, namespace });
