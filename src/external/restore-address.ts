import { GiB } from '../model/units.ts';
import type { Secret } from '../model/secret.ts';
import type { PlaceholderValues } from './arguments.ts';

/** Where a program finds the image that it is to restore, and what it logs in with. */
export interface RestoreAddress {
  /** `root@pam`, or a token's id. */
  readonly authId: string;
  readonly host: string;
  readonly port: number;
  readonly datastore: string;
  /** Empty for the root. */
  readonly namespace: string;
  readonly snapshot: string;
  /** `drive-scsi0.img.fidx` */
  readonly archive: string;
  /** SHA-256 of the server's certificate; absent where an authority vouches for it. */
  readonly fingerprint?: string;
  /** Password or token secret. */
  readonly password: Secret;
  /** Absolute path. */
  readonly keyFile?: string;
  /** Of the key file, where it has one and restorelab was given it. */
  readonly keyPassword?: Secret;
}

/** Size of `null-co://` in QEMU; writes beyond it fail. */
const QEMU_NULL_BYTES = GiB;

/** @param target where the output is expected; `sizeBytes` is that of the image */
export function placeholderValues(
  address: RestoreAddress,
  { target, sizeBytes }: { readonly target: string; readonly sizeBytes: number },
): PlaceholderValues {
  const { namespace, snapshot, archive, keyFile = '' } = address;
  const sized = { driver: 'raw', file: { driver: 'null-co', size: sizeBytes } };
  return {
    repository: repositoryOf(address),
    namespace,
    snapshot,
    archive,
    image: archive.replace(/\.[fd]idx$/u, ''),
    target,
    nullTarget: sizeBytes <= QEMU_NULL_BYTES ? 'null-co://' : `json:${JSON.stringify(sized)}`,
    keyFile,
  };
}

/** What PBS clients read from their environment (spec 1.2) that is no secret. */
export function clientVariables(address: RestoreAddress): Readonly<Record<string, string>> {
  return {
    PBS_REPOSITORY: repositoryOf(address),
    ...(address.namespace === '' ? {} : { PBS_NAMESPACE: address.namespace }),
    ...(address.fingerprint === undefined ? {} : { PBS_FINGERPRINT: address.fingerprint }),
  };
}

/** The secrets that PBS clients read from their environment; none of them is ever an argument. */
export function secretVariables({ password, keyPassword }: RestoreAddress): Readonly<Record<string, string>> {
  return {
    PBS_PASSWORD: password.reveal(),
    ...(keyPassword === undefined ? {} : { PBS_ENCRYPTION_PASSWORD: keyPassword.reveal() }),
  };
}

function repositoryOf({ authId, host, port, datastore }: RestoreAddress): string {
  return `${authId}@${host.includes(':') ? `[${host}]` : host}:${port}:${datastore}`;
}
