import { IntegrityError, UsageError } from '../../model/errors.ts';
import type { CryptConfig } from './crypt-config.ts';
import { canonicalManifest, keyFingerprint, type Manifest } from './manifest.ts';

/** The manifest with its signature under the key, and the name of the key beside it, as PBS clients write it (spec 6.5.3). */
export function signManifest(manifest: Manifest, crypt: CryptConfig): Manifest {
  return {
    ...manifest,
    signature: crypt.sign(canonicalManifest(manifest)),
    unprotected: { ...manifest.unprotected, 'key-fingerprint': crypt.fingerprint },
  };
}

/**
 * Whether the manifest is as its maker left it: `valid`; `unsigned`, so nobody can tell; `unchecked`, since it is signed
 * and there is no key to check it with.
 */
export type SignatureState = 'valid' | 'unsigned' | 'unchecked';

/**
 * Checks the signature of a manifest, and before that whether the key is the one it was made with, so that a wrong key is
 * not taken for damage.
 * @throws UsageError `wrong-key`; IntegrityError `manifest-signature`
 */
export function verifyManifestSignature(manifest: Manifest, crypt: CryptConfig | undefined): SignatureState {
  const { signature } = manifest;
  if (crypt === undefined) return signature === undefined ? 'unsigned' : 'unchecked';
  const fingerprint = keyFingerprint(manifest);
  if (fingerprint !== undefined && fingerprint.toLowerCase() !== crypt.fingerprint) {
    throw new UsageError(
      `the key is not the one of this backup: it is ${crypt.fingerprint}, the manifest names ${fingerprint}`,
      { code: 'wrong-key', hint: 'name the key file whose fingerprint the manifest names (--keyfile, or keyFile)' },
    );
  }
  if (signature === undefined) return 'unsigned';
  const computed = crypt.sign(canonicalManifest(manifest));
  if (signature === computed) return 'valid';
  throw new IntegrityError(`the signature of the manifest does not match: ${signature}, computed ${computed}`, {
    code: 'manifest-signature',
    hint:
      fingerprint === undefined
        ? 'the manifest was changed after the backup, or the key is another one: it names none'
        : 'the manifest was changed after the backup: do not trust its archives, restore another snapshot',
  });
}

/** What a user should know of a manifest whose signature proves nothing; undefined where there is nothing to say. */
export function signatureWarning(state: SignatureState, crypt: CryptConfig | undefined): string | undefined {
  if (state === 'unchecked') return 'the manifest is signed, and without its key the signature was not verified';
  if (state === 'unsigned' && crypt !== undefined)
    return 'a key was given, but the manifest is not signed: nothing shows that it is as the backup left it';
  return undefined;
}
