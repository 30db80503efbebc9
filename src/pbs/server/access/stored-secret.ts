import { hash, randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';

/** A password or token secret as it is kept: as it is, or as what scrypt makes of it. */
export type StoredSecret = PlainSecret | ScryptSecret;

interface PlainSecret {
  readonly kind: 'plain';
  readonly text: string;
}

interface ScryptSecret {
  readonly kind: 'scrypt';
  /** N, a power of two. */
  readonly cost: number;
  /** r */
  readonly blockSize: number;
  /** p */
  readonly parallelization: number;
  /** Base64. */
  readonly salt: string;
  /** Base64. */
  readonly hash: string;
}

/** 16 MiB and some 40 ms for each guess, about what PBS spends on the first use of a token (observed, i). */
const defaults = { cost: 16_384, blockSize: 8, parallelization: 1 } as const;

const HASH_BYTES = 32;

/** More would let a file that came from elsewhere take the server's memory. */
const MAX_MEMORY_BYTES = 256 * 1024 * 1024;

const textPattern = /^scrypt:(\d{1,8}):(\d{1,3}):(\d{1,3}):([A-Za-z0-9+/]{8,}={0,2}):([A-Za-z0-9+/]{43}=)$/u;

/** The form in which a users file holds it: `scrypt:16384:8:1:SALT:HASH`. */
export async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(16).toString('base64');
  const { cost, blockSize, parallelization } = defaults;
  const derived = await derive(secret, { ...defaults, salt });
  return `scrypt:${cost}:${blockSize}:${parallelization}:${salt}:${derived.toString('base64')}`;
}

/** What {@link hashSecret} made; undefined for any other text and for parameters that take too much memory. */
export function parseHashedSecret(text: string): ScryptSecret | undefined {
  const [, cost, blockSize, parallelization, salt = '', hashed = ''] = textPattern.exec(text) ?? [];
  const secret: ScryptSecret = {
    kind: 'scrypt',
    cost: Number(cost),
    blockSize: Number(blockSize),
    parallelization: Number(parallelization),
    salt,
    hash: hashed,
  };
  const isPossible =
    secret.cost > 1 &&
    Number.isInteger(Math.log2(secret.cost)) &&
    secret.blockSize > 0 &&
    secret.parallelization > 0 &&
    memoryBytes(secret) <= MAX_MEMORY_BYTES;
  return isPossible ? secret : undefined;
}

/** Whether this is the secret; the time that it takes says nothing about how much of it is right. */
export async function isSecret(given: string, stored: StoredSecret): Promise<boolean> {
  if (stored.kind === 'plain') return isSameText(given, stored.text);
  return timingSafeEqual(await derive(given, stored), Buffer.from(stored.hash, 'base64'));
}

/** Compared as digests, so that neither length nor common start of the right text shows in the time it takes. */
export const isSameText = (left: string, right: string): boolean =>
  timingSafeEqual(hash('sha256', left, 'buffer'), hash('sha256', right, 'buffer'));

type ScryptParameters = Pick<ScryptSecret, 'cost' | 'blockSize' | 'parallelization' | 'salt'>;

/** RFC 7914, section 2: what N, r and p take. */
const memoryBytes = ({
  cost,
  blockSize,
  parallelization,
}: Pick<ScryptSecret, 'cost' | 'blockSize' | 'parallelization'>): number =>
  128 * blockSize * (cost + parallelization + 2);

async function derive(secret: string, parameters: ScryptParameters): Promise<Buffer> {
  const { cost, blockSize, parallelization, salt } = parameters;
  const options: ScryptOptions = { cost, blockSize, parallelization, maxmem: memoryBytes(parameters) + 1024 };
  return await new Promise((resolve, reject) => {
    scrypt(secret, Buffer.from(salt, 'base64'), HASH_BYTES, options, (error, derived) => {
      if (error === null) resolve(derived);
      else reject(error);
    });
  });
}
