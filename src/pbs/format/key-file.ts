import { pbkdf2, scrypt } from 'node:crypto';
import { promisify } from 'node:util';

import { UsageError } from '../../model/errors.ts';
import { CryptConfig, decryptUnder, IV_BYTES, KEY_BYTES, TAG_BYTES } from './crypt-config.ts';
import { isJsonObject } from './json-object.ts';

/** How the passphrase of a key file becomes the key that its key is encrypted with (spec 7.1). */
export type KeyDerivation =
  | { readonly kind: 'scrypt'; readonly n: number; readonly r: number; readonly p: number; readonly salt: Uint8Array }
  | { readonly kind: 'pbkdf2'; readonly iterations: number; readonly salt: Uint8Array };

/** A key file as `proxmox-backup-client key create` and PVE write them. */
export interface KeyFile {
  /** Absent where the key has no passphrase. */
  readonly derivation?: KeyDerivation;
  /** The key itself, or IV, tag and encrypted key. In no output. */
  readonly data: Uint8Array;
  /** Of the key, colon-separated hex, where the file says it. */
  readonly fingerprint?: string;
  /** What its owner wrote down to remember the passphrase. */
  readonly hint?: string;
}

/** Memory that scrypt may take: real files need 64 MiB, and a made-up one must not take all there is. */
const MAX_SCRYPT_BYTES = 1024 * 1024 * 1024;
const MAX_SCRYPT_PARALLEL = 64;

/** Ten seconds or so; real files have 65535. */
const MAX_PBKDF2_ITERATIONS = 20_000_000;

const PROTECTED_KEY_BYTES = IV_BYTES + TAG_BYTES + KEY_BYTES;

const fingerprintPattern = /^[0-9a-f]{2}(?::[0-9a-f]{2}){31}$/u;

/**
 * Reads a key file. No error quotes what it holds.
 * @param name of the file, for errors
 * @throws UsageError `key-file`
 */
export function parseKeyFile(text: string, name: string): KeyFile {
  const malformed = (what: string): UsageError =>
    new UsageError(`${name} is not an encryption key: ${what}`, {
      code: 'key-file',
      hint: 'name the file that `proxmox-backup-client key create` made, or /etc/pve/priv/storage/STORAGE.enc of PVE',
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw malformed('it is not JSON');
  }
  if (!isJsonObject(value)) throw malformed('it is not a JSON object');
  const { kdf = null, data, fingerprint, hint } = value;
  const derivation = kdf === null ? undefined : parseDerivation(kdf);
  if (derivation === null) throw malformed('its kdf is neither null nor Scrypt or PBKDF2 with usable parameters');
  const bytes = fromBase64(data);
  const expectedBytes = derivation === undefined ? KEY_BYTES : PROTECTED_KEY_BYTES;
  if (bytes?.length !== expectedBytes) throw malformed(`its data are not ${expectedBytes} bytes in base64`);
  const lowerCase = typeof fingerprint === 'string' ? fingerprint.toLowerCase() : undefined;
  if ((fingerprint ?? null) !== null && (lowerCase === undefined || !fingerprintPattern.test(lowerCase))) {
    throw malformed('its fingerprint is not 32 hex pairs');
  }
  return {
    ...(derivation === undefined ? {} : { derivation }),
    data: bytes,
    ...(lowerCase === undefined ? {} : { fingerprint: lowerCase }),
    ...(typeof hint === 'string' ? { hint } : {}),
  };
}

/** null for anything that cannot be used. */
function parseDerivation(kdf: unknown): KeyDerivation | null {
  if (!isJsonObject(kdf) || Object.keys(kdf).length !== 1) return null;
  const { Scrypt: scryptParameters, PBKDF2: pbkdf2Parameters } = kdf;
  if (isJsonObject(scryptParameters)) {
    const { n, r, p } = scryptParameters;
    const salt = fromBase64(scryptParameters['salt']);
    if (salt === undefined || !isCount(n) || !isCount(r) || !isCount(p)) return null;
    // RFC 7914, 2: N is a power of two above 1.
    const isPowerOfTwo = n > 1 && Number.isInteger(Math.log2(n));
    if (!isPowerOfTwo || 128 * n * r > MAX_SCRYPT_BYTES || p > MAX_SCRYPT_PARALLEL) return null;
    return { kind: 'scrypt', n, r, p, salt };
  }
  if (isJsonObject(pbkdf2Parameters)) {
    const { iter: iterations } = pbkdf2Parameters;
    const salt = fromBase64(pbkdf2Parameters['salt']);
    if (salt === undefined || !isCount(iterations) || iterations > MAX_PBKDF2_ITERATIONS) return null;
    return { kind: 'pbkdf2', iterations, salt };
  }
  return null;
}

export interface OpenKeyOptions {
  /** Of the file, for errors. */
  readonly name: string;
  /** Asked only where the file needs one. */
  readonly passphrase?: () => Promise<string | undefined> | string | undefined;
}

/**
 * The key of a key file.
 * @throws UsageError `key-passphrase-missing`, `key-passphrase`, `key-file` where its fingerprint is that of another key
 */
export async function openKeyFile(file: KeyFile, { name, passphrase }: OpenKeyOptions): Promise<CryptConfig> {
  const { derivation, data, fingerprint, hint } = file;
  const remember = hint === undefined ? '' : `; its password hint is ${JSON.stringify(hint)}`;
  if (derivation === undefined) return checked(new CryptConfig(data), fingerprint, name);
  const secret = await passphrase?.();
  if (secret === undefined) {
    throw new UsageError(`the encryption key ${name} is protected by a password, and none was given`, {
      code: 'key-passphrase-missing',
      hint: `set PBS_ENCRYPTION_PASSWORD, or PBS_ENCRYPTION_PASSWORD_FILE to a file that holds it${remember}`,
    });
  }
  const key = decryptUnder(await deriveKey(secret, derivation), {
    iv: data.subarray(0, IV_BYTES),
    tag: data.subarray(IV_BYTES, IV_BYTES + TAG_BYTES),
    ciphertext: data.subarray(IV_BYTES + TAG_BYTES),
  });
  if (key === undefined) {
    throw new UsageError(`the password does not open the encryption key ${name}`, {
      code: 'key-passphrase',
      hint: `check PBS_ENCRYPTION_PASSWORD${remember}`,
    });
  }
  return checked(new CryptConfig(key), fingerprint, name);
}

async function deriveKey(secret: string, derivation: KeyDerivation): Promise<Buffer> {
  const { salt } = derivation;
  if (derivation.kind === 'pbkdf2') {
    return await promisify(pbkdf2)(secret, salt, derivation.iterations, KEY_BYTES, 'sha256');
  }
  const { n, r, p } = derivation;
  // What OpenSSL counts (EVP_PBE_scrypt): 128 N r for the table, 128 r p for the blocks, and a little more.
  const maxmem = 128 * r * (n + p + 2) + 1024 * 1024;
  return await new Promise<Buffer>((resolve, reject) => {
    scrypt(secret, salt, KEY_BYTES, { N: n, r, p, maxmem }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

function checked(crypt: CryptConfig, fingerprint: string | undefined, name: string): CryptConfig {
  if (fingerprint === undefined || fingerprint === crypt.fingerprint) return crypt;
  throw new UsageError(`the key in ${name} is not the one that the file names: it was damaged or edited`, {
    code: 'key-file',
    hint: `the file names ${fingerprint}, its key is ${crypt.fingerprint}; restore the file from its copy`,
  });
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1;

/** Node skips what is no base64; here it is an error. */
function fromBase64(value: unknown): Buffer | undefined {
  if (typeof value !== 'string') return undefined;
  const bytes = Buffer.from(value, 'base64');
  return bytes.toString('base64') === value ? bytes : undefined;
}
