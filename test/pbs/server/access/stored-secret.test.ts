import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { assert as assertProperty, property, string } from 'fast-check';

import { hashSecret, isSecret, parseHashedSecret } from '../../../../src/pbs/server/access/stored-secret.ts';

describe('a stored secret', () => {
  it('is known again as it is and as what scrypt made of it, another one is not', async () => {
    for (const secret of ['', 'pass word%', 'ü'.repeat(100)]) {
      const text = await hashSecret(secret);
      assert.ok(!text.includes(secret) || secret === '');
      assert.notEqual(text, await hashSecret(secret), 'a salt of its own');
      const hashed = parseHashedSecret(text);
      assert.ok(hashed !== undefined);
      for (const stored of [hashed, { kind: 'plain', text: secret } as const]) {
        assert.equal(await isSecret(secret, stored), true);
        assert.equal(await isSecret(`${secret}x`, stored), false);
        assert.equal(await isSecret(secret === '' ? 'x' : '', stored), false);
      }
    }
  });

  it('is refused where it is no such text, or would take too much memory', () => {
    const salt = 'AAAAAAAAAAA=';
    const hash = `${'A'.repeat(43)}=`;
    assert.notEqual(parseHashedSecret(`scrypt:1024:8:1:${salt}:${hash}`), undefined);
    for (const text of [
      `scrypt:1025:8:1:${salt}:${hash}`,
      `scrypt:1:8:1:${salt}:${hash}`,
      `scrypt:16777216:8:1:${salt}:${hash}`,
      `scrypt:1024:0:1:${salt}:${hash}`,
      `scrypt:1024:8:1:${salt}:AAAA`,
      `scrypt:1024:8:1::${hash}`,
      `bcrypt:1024:8:1:${salt}:${hash}`,
    ])
      assert.equal(parseHashedSecret(text), undefined, text);
    assertProperty(property(string(), (text) => parseHashedSecret(text) === undefined));
  });
});
