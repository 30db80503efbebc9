import { createCipheriv, pbkdf2Sync, scryptSync } from 'node:crypto';

import { CryptConfig } from '../../../src/pbs/format/crypt-config.ts';

/** The key of spec 13: the bytes 0 to 31. */
export const specKey: Buffer = Buffer.from(Array.from({ length: 32 }, (_, byte) => byte));
export const specCrypt: CryptConfig = new CryptConfig(specKey);

/** Some other key. */
export const otherCrypt: CryptConfig = new CryptConfig(Buffer.alloc(32, 7));

export type Derivation =
  | { readonly Scrypt: { readonly n: number; readonly r: number; readonly p: number; readonly salt: string } }
  | { readonly PBKDF2: { readonly iter: number; readonly salt: string } };

interface ProtectedKeyOptions {
  readonly key: Uint8Array;
  readonly passphrase: string;
  readonly kdf: Derivation;
  readonly iv: Uint8Array;
}

/** The `data` of a key file with a passphrase, as PBS makes it (spec 7.1). */
export function protectedKey({ key, passphrase, kdf, iv }: ProtectedKeyOptions): string {
  const derived =
    'Scrypt' in kdf
      ? scryptSync(passphrase, Buffer.from(kdf.Scrypt.salt, 'base64'), 32, {
          N: kdf.Scrypt.n,
          r: kdf.Scrypt.r,
          p: kdf.Scrypt.p,
          maxmem: 2 ** 30,
        })
      : pbkdf2Sync(passphrase, Buffer.from(kdf.PBKDF2.salt, 'base64'), kdf.PBKDF2.iter, 32, 'sha256');
  const cipher = createCipheriv('aes-256-gcm', derived, iv, { authTagLength: 16 });
  const encrypted = Buffer.concat([cipher.update(key), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), encrypted]).toString('base64');
}
