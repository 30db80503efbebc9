import type { Options } from 'yargs';
import { z } from 'zod';

import { UsageError } from '../model/errors.ts';
import type { Secret } from '../model/secret.ts';
import {
  namespaceFromEnvironment,
  repositoryFromEnvironment,
  secretSource,
  type SecretName,
} from '../pbs/client/environment.ts';
import { readSecret } from '../pbs/client/read-secret.ts';
import type { Remote } from '../pbs/client/remote.ts';
import { parseRepository, type Repository } from '../pbs/client/repository.ts';
import { parseFingerprint } from '../pbs/client/tls-connection.ts';
import { parseNamespace } from '../pbs/format/namespace.ts';
import type { Edge } from './edge.ts';

/** What the options below give. */
export interface RemoteArguments {
  readonly repository?: string | undefined;
  readonly ns?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly 'password-file'?: string | undefined;
}

/** Options of every command that talks to a server: named as those of `proxmox-backup-client`. */
export const remoteOptions: Readonly<Record<keyof RemoteArguments, Options>> = {
  repository: {
    type: 'string',
    describe: '[[user@realm[!token]@]host[:port]:]datastore; else PBS_REPOSITORY, or PBS_SERVER and PBS_DATASTORE',
  },
  ns: { type: 'string', describe: 'Namespace, as in a/b; else PBS_NAMESPACE' },
  fingerprint: { type: 'string', describe: "SHA-256 of the server's certificate; else PBS_FINGERPRINT" },
  'password-file': {
    type: 'string',
    describe: 'File whose first line is the password or token secret; else PBS_PASSWORD, also with _FILE, _FD or _CMD',
  },
};

const once: z.ZodOptional<z.ZodString> = z.string('can be given once').optional();

/** For `parseArgv`. */
export const remoteShape: Readonly<Record<keyof RemoteArguments, typeof once>> = {
  repository: once,
  ns: once,
  fingerprint: once,
  'password-file': once,
};

type RemoteEdge = Pick<Edge, 'env' | 'cwd' | 'interrupted'>;

/** Whether the command line or the environment names a datastore on a server. */
export const namesRemote = ({ repository }: Pick<RemoteArguments, 'repository'>, { env }: Pick<Edge, 'env'>): boolean =>
  repository !== undefined || repositoryFromEnvironment(env) !== undefined;

/**
 * The server and datastore that the command line names, or else the environment. Secrets come from files, descriptors,
 * commands or variables, and never from arguments, which every user of the machine can read.
 * @throws UsageError `repository-missing`, `repository`, `namespace`, `fingerprint`, `password-missing`, and those of
 * {@link readSecret}
 */
export async function readRemote(argv: RemoteArguments, edge: RemoteEdge): Promise<Remote> {
  const repository = repositoryOf(argv, edge);
  const namespace = argv.ns ?? namespaceFromEnvironment(edge.env);
  parseNamespace(namespace);
  const fingerprint = argv.fingerprint ?? (await secretFromEnvironment('PBS_FINGERPRINT', edge))?.reveal();
  const pin = fingerprint === undefined ? {} : { fingerprint: parseFingerprint(fingerprint) };
  return { repository, namespace, ...pin, secret: await readPassword(argv, repository, edge) };
}

function repositoryOf({ repository }: RemoteArguments, { env }: RemoteEdge): Repository {
  const named = repository === undefined ? repositoryFromEnvironment(env) : parseRepository(repository);
  if (named !== undefined) return named;
  throw new UsageError('no repository is given', {
    code: 'repository-missing',
    hint: 'name it with --repository or PBS_REPOSITORY, e.g. bench@pbs@10.0.0.5:tank',
  });
}

async function readPassword(
  argv: RemoteArguments,
  { authId }: Repository,
  { env, cwd, interrupted: signal }: RemoteEdge,
): Promise<Secret> {
  const path = argv['password-file'];
  const secret =
    path === undefined
      ? await secretFromEnvironment('PBS_PASSWORD', { env, cwd, interrupted: signal })
      : await readSecret({ kind: 'file', name: '--password-file', path }, { env, cwd, signal });
  if (secret !== undefined) return secret;
  throw new UsageError(`there is no password for ${authId}`, {
    code: 'password-missing',
    hint: 'set PBS_PASSWORD, PBS_PASSWORD_FILE or PBS_PASSWORD_CMD, or give --password-file; for an API token it is the secret',
  });
}

/** A secret that PBS's own clients take from the environment too; undefined where there is none. */
export async function secretFromEnvironment(
  name: SecretName,
  { env, cwd, interrupted: signal }: RemoteEdge,
): Promise<Secret | undefined> {
  const source = secretSource(env, name);
  return source === undefined ? undefined : await readSecret(source, { env, cwd, signal });
}
