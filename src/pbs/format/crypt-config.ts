import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hash,
  pbkdf2Sync,
  randomBytes,
  type Cipheriv as Cipher,
  type Decipheriv as Decipher,
  type Hash,
} from 'node:crypto';

import { freeBytes } from '../../memory/free-bytes.ts';
import { IntegrityError, UsageError } from '../../model/errors.ts';
import { formatFingerprint } from './fingerprint.ts';

/** Bytes of an encryption key: AES-256. */
export const KEY_BYTES = 32;

/** Not the 12 bytes that GCM is mostly used with (spec 7.3). */
export const IV_BYTES = 16;
export const TAG_BYTES = 16;

const CIPHER = 'aes-256-gcm';

/** What is encrypted or decrypted in one call. */
const PIECE_BYTES: number = 1024 * 1024;

/** SHA-256 of the sentence that a key's fingerprint is the digest of (spec 7.2). */
const fingerprintInput: Buffer = hash('sha256', 'Proxmox Backup Encryption Key Fingerprint', 'buffer');

/** What is stored in the header of an encrypted blob, and what follows it. */
export interface Encrypted {
  readonly iv: Uint8Array;
  readonly tag: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/**
 * An encryption key and all that is derived from it (spec 7.2). The key itself is in no property, so that neither
 * `console.log` nor `JSON.stringify` can show it.
 */
export class CryptConfig {
  /** 32 hex pairs, colon-separated: what manifests and key files call the key. */
  readonly fingerprint: string;
  readonly #key: Uint8Array;
  readonly #idKey: Uint8Array;
  readonly #zeroDigests: Map<number, string> = new Map();

  /**
   * @param key copied
   * @throws UsageError `key-length` unless it has 32 bytes
   */
  constructor(key: Uint8Array) {
    if (key.length !== KEY_BYTES) {
      throw new UsageError(`an encryption key has ${KEY_BYTES} bytes, this one ${key.length}`, { code: 'key-length' });
    }
    this.#key = Uint8Array.from(key);
    this.#idKey = pbkdf2Sync(this.#key, '_id_key', 10, 32, 'sha256');
    this.fingerprint = formatFingerprint(this.digest(fingerprintInput));
  }

  /** The first 8 pairs of the fingerprint, which is what PBS shows. */
  get shortId(): string {
    return this.fingerprint.slice(0, 8 * 3 - 1);
  }

  /** Digest of a chunk of these plain bytes under the key, 64 lower-case hex digits. */
  digest(plain: Uint8Array): string {
    return this.finishDigest(createHash('sha256').update(plain));
  }

  /** The digest of what has gone into a SHA-256 so far: a chunk's plain bytes, in pieces. */
  finishDigest(sha256: Hash): string {
    return sha256.update(this.#idKey).digest('hex');
  }

  /** Digest of so many zeros; computed once per length. */
  zeroDigest(length: number): string {
    const digest = this.#zeroDigests.get(length) ?? this.digest(new Uint8Array(length));
    this.#zeroDigests.set(length, digest);
    return digest;
  }

  /** HMAC-SHA-256 of a text, 64 hex digits: the signature of a canonical manifest. */
  sign(text: string): string {
    return createHmac('sha256', this.#idKey).update(text).digest('hex');
  }

  /** @param iv 16 bytes; random unless given, and never to be used twice under one key */
  encrypt(plain: Uint8Array, iv: Uint8Array = randomBytes(IV_BYTES)): Encrypted {
    const cipher = createCipheriv(CIPHER, this.#key, iv, { authTagLength: TAG_BYTES });
    const ciphertext = passThrough(cipher, plain);
    cipher.final();
    return { iv, tag: cipher.getAuthTag(), ciphertext };
  }

  /**
   * The plain bytes, in memory of their own.
   * @throws IntegrityError `blob-decrypt` where the key is another one or a byte was changed
   */
  decrypt(encrypted: Encrypted): Buffer {
    const plain = decryptUnder(this.#key, encrypted);
    if (plain !== undefined) return plain;
    throw new IntegrityError(`the blob cannot be decrypted with the key ${this.shortId}`, {
      code: 'blob-decrypt',
      hint: 'the data are damaged, or were encrypted with another key: run a verify job on the server',
    });
  }

  /** A copy of the key, for a thread of this process. It must get into no text, argument or variable. */
  copyKey(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#key);
  }
}

/**
 * The plain bytes, in memory of their own; undefined where the key is another one or a byte was changed.
 * @param key 32 bytes
 */
export function decryptUnder(key: Uint8Array, { iv, tag, ciphertext }: Encrypted): Buffer | undefined {
  const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(tag);
  const plain = passThrough(decipher, ciphertext);
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plain;
}

/**
 * What a cipher makes of bytes, in memory of its own. One call for a whole chunk has the allocator return and fetch its
 * pages every time, in some states of the heap: 0.6 to 2.4 GB per CPU-second for 4 MiB; in pieces it is 2.2.
 */
function passThrough(cipher: Cipher | Decipher, bytes: Uint8Array): Buffer {
  if (bytes.length <= PIECE_BYTES) return cipher.update(bytes);
  const result = Buffer.allocUnsafeSlow(bytes.length);
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = cipher.update(bytes.subarray(at, at + PIECE_BYTES));
    result.set(piece, at);
    freeBytes(piece);
  }
  return result;
}
