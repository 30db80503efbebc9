import { UsageError } from '../model/errors.ts';
import type { PrimitiveName } from './primitive-names.ts';

/** Instructions of the processor that OpenSSL can be kept from using. */
export const accelerations = ['sha', 'aes'] as const;
export type Acceleration = (typeof accelerations)[number];

/** Primitives that each makes faster. */
export const acceleratedPrimitives: Readonly<Record<Acceleration, readonly PrimitiveName[]>> = {
  sha: ['sha-256', 'chunk-verify'],
  aes: ['tls-receive-placed', 'tls-receive', 'tls-send', 'aes-256-gcm', 'aes-128-gcm'],
};

/** The flag of `/proc/cpuinfo` without which there is nothing to switch off. */
const flags: Readonly<Record<string, Readonly<Record<Acceleration, string>>>> = {
  x64: { sha: 'sha_ni', aes: 'aes' },
  arm64: { sha: 'sha2', aes: 'aes' },
};

/**
 * Bits of OPENSSL_ia32cap(3): the first vector is CPUID leaf 1 (EDX, then ECX), the second leaf 7 (EBX, then ECX).
 * Without `aes` AES-NI (57), PCLMULQDQ (33), VAES (64 + 41) and VPCLMULQDQ (64 + 42) are gone, without `sha` the SHA
 * extensions (64 + 29); what is left is what OpenSSL uses on a processor without them.
 */
const ia32Bits: Readonly<Record<Acceleration, readonly [first: bigint, second: bigint]>> = {
  sha: [0n, 1n << 29n],
  aes: [(1n << 57n) | (1n << 33n), (1n << 41n) | (1n << 42n)],
};

/** Bits of OPENSSL_armcap by the flag of the processor. Unlike the other variable it replaces what OpenSSL has found. */
const armBits: Readonly<Record<string, number>> = { aes: 1 << 2, sha1: 1 << 3, sha2: 1 << 4, pmull: 1 << 5 };
const ARM_NEON = 1;
const armFlagsOf: Readonly<Record<Acceleration, readonly string[]>> = { sha: ['sha1', 'sha2'], aes: ['aes', 'pmull'] };

export interface EnvironmentVariable {
  readonly name: string;
  readonly value: string;
}

/**
 * The variable that keeps OpenSSL from using these instructions, for the environment of a process that is to be started.
 * @param arch as `process.arch`
 * @param cpuFlags of the processor, where they are known
 * @throws UsageError `unsupported` on other processors, and where the processor has nothing to switch off
 */
export function environmentWithout(
  without: readonly Acceleration[],
  { arch, cpuFlags }: { readonly arch: string; readonly cpuFlags: readonly string[] | undefined },
): EnvironmentVariable {
  const flagOf = flags[arch];
  if (flagOf === undefined) {
    throw new UsageError(
      `--without is unsupported on ${arch}: OpenSSL's acceleration is switched off on x64 and arm64`,
      {
        code: 'unsupported',
      },
    );
  }
  for (const name of without) {
    if (cpuFlags === undefined || cpuFlags.includes(flagOf[name])) continue;
    throw new UsageError(`this processor has no ${name} instructions (${flagOf[name]}) to do without`, {
      code: 'unsupported',
      hint: 'measure without the option: that is the figure',
    });
  }
  if (arch === 'arm64') {
    if (cpuFlags === undefined) {
      throw new UsageError('--without is unsupported here: it is not known what this processor has', {
        code: 'unsupported',
      });
    }
    const gone = new Set(without.flatMap((name) => armFlagsOf[name]));
    const left = Object.entries(armBits).filter(([flag]) => cpuFlags.includes(flag) && !gone.has(flag));
    const bits = left.reduce((sum, [, bit]) => sum | bit, ARM_NEON);
    return { name: 'OPENSSL_armcap', value: `0x${bits.toString(16)}` };
  }
  const mask = (vector: 0 | 1): string => {
    const bits = without.reduce((sum, name) => sum | ia32Bits[name][vector], 0n);
    return bits === 0n ? '' : `~0x${bits.toString(16)}`;
  };
  const [first, second] = [mask(0), mask(1)];
  return { name: 'OPENSSL_ia32cap', value: second === '' ? first : `${first}:${second}` };
}
