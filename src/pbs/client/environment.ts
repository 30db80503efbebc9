import { UsageError } from '../../model/errors.ts';
import { Secret } from '../../model/secret.ts';
import { parseRepository, repositoryOf, type Repository } from './repository.ts';

/** Variables of a process, or of a test. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that exist as they are and with the suffixes `_FD`, `_FILE` and `_CMD` (spec 1.2). */
export type SecretName = 'PBS_PASSWORD' | 'PBS_FINGERPRINT' | 'PBS_ENCRYPTION_PASSWORD';

/** Names of systemd credentials below `$CREDENTIALS_DIRECTORY` (spec 1.2). */
const credentialNames: Readonly<Record<SecretName, string>> = {
  PBS_PASSWORD: 'proxmox-backup-client.password',
  PBS_FINGERPRINT: 'proxmox-backup-client.fingerprint',
  PBS_ENCRYPTION_PASSWORD: 'proxmox-backup-client.encryption-password',
};

/** Where a secret comes from. `name` is what messages call it, and holds nothing of the secret. */
export type SecretSource =
  | { readonly kind: 'text'; readonly name: string; readonly secret: Secret }
  | { readonly kind: 'descriptor'; readonly name: string; readonly descriptor: number }
  | { readonly kind: 'file'; readonly name: string; readonly path: string; readonly isOptional?: true }
  /** For a shell; secret as well, since people write passwords into such commands. */
  | { readonly kind: 'command'; readonly name: string; readonly command: Secret };

/** The value of a variable; one that is empty counts as absent. */
const valueOf = (env: Environment, name: string): string | undefined => (env[name] === '' ? undefined : env[name]);

/**
 * The datastore that the environment names: by `PBS_REPOSITORY`, or else by `PBS_DATASTORE` with `PBS_SERVER`, `PBS_PORT`
 * and `PBS_AUTH_ID`, each of which may be absent.
 * @throws UsageError `repository`
 */
export function repositoryFromEnvironment(env: Environment): Repository | undefined {
  const whole = valueOf(env, 'PBS_REPOSITORY');
  if (whole !== undefined) return fromVariables('PBS_REPOSITORY', () => parseRepository(whole));
  const store = valueOf(env, 'PBS_DATASTORE');
  const [host, port, authId] = ['PBS_SERVER', 'PBS_PORT', 'PBS_AUTH_ID'].map((name) => valueOf(env, name));
  if (store === undefined) {
    if (host === undefined) return undefined;
    throw new UsageError('PBS_SERVER is set, but neither PBS_DATASTORE nor PBS_REPOSITORY is', {
      code: 'repository',
      hint: 'set PBS_DATASTORE to the name of the datastore',
    });
  }
  const parts = {
    store,
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(authId === undefined ? {} : { authId }),
  };
  return fromVariables('PBS_SERVER, PBS_PORT, PBS_DATASTORE and PBS_AUTH_ID', () => repositoryOf(parts));
}

function fromVariables(names: string, read: () => Repository): Repository {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { message, code, hint = '' } = error;
    throw new UsageError(`${message} (from ${names})`, { code, hint });
  }
}

/** The namespace that the environment names, as it stands there; the root where it names none. */
export const namespaceFromEnvironment = (env: Environment): string => env['PBS_NAMESPACE'] ?? '';

/**
 * Where the environment says that a secret is: the variable itself, then `_FD`, `_FILE`, `_CMD`, then a systemd
 * credential, which need not exist.
 * @throws UsageError `secret-descriptor`
 */
export function secretSource(env: Environment, name: SecretName): SecretSource | undefined {
  const text = valueOf(env, name);
  if (text !== undefined) return { kind: 'text', name, secret: new Secret(text) };
  const descriptor = valueOf(env, `${name}_FD`);
  if (descriptor !== undefined) {
    if (!/^\d{1,9}$/u.test(descriptor))
      throw new UsageError(`${name}_FD is not the number of a file descriptor`, { code: 'secret-descriptor' });
    return { kind: 'descriptor', name: `${name}_FD`, descriptor: Number(descriptor) };
  }
  const path = valueOf(env, `${name}_FILE`);
  if (path !== undefined) return { kind: 'file', name: `${name}_FILE`, path };
  const command = valueOf(env, `${name}_CMD`);
  if (command !== undefined) return { kind: 'command', name: `${name}_CMD`, command: new Secret(command) };
  const folder = valueOf(env, 'CREDENTIALS_DIRECTORY');
  if (folder === undefined) return undefined;
  const credential = credentialNames[name];
  return { kind: 'file', name: `the credential ${credential}`, path: `${folder}/${credential}`, isOptional: true };
}
