import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, inspect } from 'node:util';

import { Secret } from '../../src/model/secret.ts';

test('a secret shows itself only where it is asked to', () => {
  const secret = new Secret('hunter2');
  assert.equal(secret.reveal(), 'hunter2');
  const holder = { user: 'root@pam', secret, list: [secret] };
  const shown = [
    String(secret),
    JSON.stringify(holder),
    inspect(holder, { showHidden: true, depth: 9 }),
    format('%s %o %O %j', secret, secret, secret, holder),
    Object.entries(secret).join(),
  ];
  for (const text of shown) assert.ok(!text.includes('hunter2'), text);
  assert.equal(shown[0], '[secret]');
  assert.equal(JSON.stringify(secret), '"[secret]"');
  assert.equal(inspect({ secret }), '{ secret: [secret] }');
});
