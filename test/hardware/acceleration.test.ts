import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { environmentWithout } from '../../src/hardware/acceleration.ts';
import { UsageError } from '../../src/model/errors.ts';

const x64 = { arch: 'x64', cpuFlags: ['sha_ni', 'aes', 'vaes', 'pclmulqdq', 'vpclmulqdq'] };

const isUnsupported = (error: unknown): boolean => error instanceof UsageError && error.code === 'unsupported';

describe('the variable that switches acceleration off', () => {
  it('clears AES-NI and PCLMULQDQ in the first vector, VAES and VPCLMULQDQ in the second', () => {
    assert.deepEqual(environmentWithout(['aes'], x64), {
      name: 'OPENSSL_ia32cap',
      value: '~0x200000200000000:~0x60000000000',
    });
  });

  it('clears SHA in the second vector and leaves the first alone', () => {
    assert.deepEqual(environmentWithout(['sha'], x64), { name: 'OPENSSL_ia32cap', value: ':~0x20000000' });
  });

  it('clears both', () => {
    assert.equal(environmentWithout(['sha', 'aes'], x64).value, '~0x200000200000000:~0x60020000000');
  });

  it('names what is left on ARM, where it replaces what was found', () => {
    const arm64 = { arch: 'arm64', cpuFlags: ['aes', 'pmull', 'sha1', 'sha2', 'crc32'] };
    assert.deepEqual(environmentWithout(['aes'], arm64), { name: 'OPENSSL_armcap', value: '0x19' });
    assert.deepEqual(environmentWithout(['sha'], arm64), { name: 'OPENSSL_armcap', value: '0x25' });
    assert.equal(environmentWithout(['sha', 'aes'], arm64).value, '0x1');
  });

  it('is unsupported on other processors', () => {
    assert.throws(() => environmentWithout(['sha'], { arch: 's390x', cpuFlags: undefined }), isUnsupported);
  });

  it('is unsupported on ARM where nobody knows what the processor has', () => {
    assert.throws(() => environmentWithout(['sha'], { arch: 'arm64', cpuFlags: undefined }), isUnsupported);
  });

  it('is refused where the processor has no such instructions', () => {
    assert.throws(() => environmentWithout(['sha'], { arch: 'x64', cpuFlags: ['aes'] }), isUnsupported);
  });
});

const flags = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : '';
const hasBoth = process.arch === 'x64' && /\bsha_ni\b/u.test(flags) && /\baes\b/u.test(flags);

describe('OpenSSL', () => {
  /** MB per CPU second of 8 MiB, best of some, in a process with this variable. */
  const speed = (what: 'sha' | 'aes', env: NodeJS.ProcessEnv): number => {
    const work =
      what === 'sha'
        ? `crypto.hash('sha256', bytes)`
        : `crypto.createCipheriv('aes-256-gcm', Buffer.alloc(32), Buffer.alloc(12)).update(bytes)`;
    const script = `
      const crypto = require('node:crypto'), bytes = Buffer.alloc(1 << 20, 1);
      let best = Infinity;
      for (let i = 0; i < 30; i++) { const s = process.hrtime.bigint(); ${work}; const t = Number(process.hrtime.bigint() - s); if (t < best) best = t; }
      console.log((1 << 20) / best * 1000);`;
    return Number(execFileSync(process.execPath, ['-e', script], { env: { ...process.env, ...env } }));
  };

  for (const name of ['sha', 'aes'] as const) {
    it(`is at least twice as slow without ${name}`, { skip: !hasBoth }, () => {
      const { name: variable, value } = environmentWithout([name], x64);
      assert.ok(speed(name, {}) > 2 * speed(name, { [variable]: value }));
    });
  }
});
