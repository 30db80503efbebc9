import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { array, assert as assertProperty, constantFrom, property } from 'fast-check';

import { UsageError } from '../../../../src/model/errors.ts';
import { parseUsers, readUsersFile } from '../../../../src/pbs/server/access/read-users-file.ts';
import { roleNames } from '../../../../src/pbs/server/access/roles.ts';
import { hashSecret } from '../../../../src/pbs/server/access/stored-secret.ts';
import { temporaryFolder } from '../../datastore/golden.ts';

/** Whatever is wrong around it, this is never to be seen in a message. */
const planted = 'planted-5ecret';

describe('a users file', () => {
  it('gives users, their tokens and who may do what where', async () => {
    const hashed = await hashSecret('x');
    const accounts = parseUsers(
      [
        'users:',
        `  - { id: bench@pbs, password: "plain one", tokens: [ { name: ci1, secret: "${hashed}" } ] }`,
        '  - id: reader@pbs',
        'permissions:',
        '  - { path: /datastore/tank/tenants/a, to: bench@pbs!ci1, role: DatastoreReader, propagate: false }',
        '  - { path: /, to: reader@pbs, role: NoAccess }',
      ].join('\n'),
      'users.yaml',
    );
    const [bench, reader] = accounts.users;
    assert.deepEqual(bench?.password, { kind: 'plain', text: 'plain one' });
    assert.equal(bench.tokens[0]?.secret.kind, 'scrypt');
    assert.deepEqual(reader, { id: 'reader@pbs', tokens: [] });
    assert.deepEqual(accounts.acl, [
      { path: '/datastore/tank/tenants/a', authId: 'bench@pbs!ci1', role: 'DatastoreReader', propagate: false },
      { path: '/', authId: 'reader@pbs', role: 'NoAccess', propagate: true },
    ]);
  });

  it('takes a token as short as that of the recorded sessions', () => {
    const accounts = parseUsers('users: [ { id: bench@pbs, tokens: [ { name: t1, secret: "x" } ] } ]', 'users.yaml');
    assert.equal(accounts.users[0]?.tokens[0]?.name, 't1');
  });

  it('is what the page on serving shows', () => {
    const page = readFileSync(new URL('../../../../docs/serve.md', import.meta.url), 'utf8');
    const [, example = ''] = /^```yaml\n(.*?)^```/msu.exec(page) ?? [];
    const { users, acl } = parseUsers(example, 'serve.md');
    assert.deepEqual([users.length, acl.length], [1, 2]);
    for (const role of roleNames) assert.ok(page.includes(`\`${role}\``), role);
  });

  it('that is wrong is refused with the place of everything wrong, and no secret', () => {
    const cases: readonly (readonly [text: string, messages: readonly string[]])[] = [
      [`users: { a: ${planted} }`, ['u.yaml:1:8: users must be a list of users']],
      ['permissions: []', ['u.yaml:1:1: users must be a list of users']],
      [
        `users:\n  - { id: bench, password: ${planted} }\n  - { id: a@pbs, pasword: ${planted} }`,
        ['u.yaml:2:11: id must be a user with a realm, e.g. bench@pbs', 'u.yaml:3:5: unknown key "pasword"'],
      ],
      ['users: [ { id: a@pbs, password: 12 } ]', ['u.yaml:1:33: password must be a text in quotes']],
      [
        `users: [ { id: a@pbs, password: "scrypt:${planted}" } ]`,
        ['u.yaml:1:33: password must be what `serve --hash-secret` prints, or the secret itself'],
      ],
      [
        'users: [ { id: a@pbs }, { id: a@pbs } ]\npermissions: [ { path: /, to: "b@pbs", role: Audit } ]',
        ['u.yaml:1:31: a@pbs is there twice', 'u.yaml:2:31: "b@pbs" is neither a user nor a token here'],
      ],
      [
        'users: [ { id: a@pbs } ]\npermissions: [ { path: /datastore/../x, to: a@pbs, role: Audit } ]',
        ['u.yaml:2:24: path must be /, /datastore, /datastore/NAME or /datastore/NAME/NAMESPACE'],
      ],
      [
        `users: [ { id: a@pbs, tokens: [ { name: "a b", secret: ${planted} } ] } ]`,
        ['u.yaml:1:41: name must be a name of at most 64 letters, digits, dots, dashes or underscores'],
      ],
      [`users: [ "${planted}`, ['u.yaml:1:25: not YAML (MISSING_CHAR)']],
      [`a: &a ${planted}\nusers: *a`, ['u.yaml: anchors and aliases are not taken here']],
      ['', ['u.yaml:1:1: the file must be a group of `users` and `permissions`']],
    ];
    for (const [text, messages] of cases) {
      assert.throws(
        () => parseUsers(text, 'u.yaml'),
        (error) => {
          assert.ok(error instanceof UsageError);
          assert.equal(error.code, 'users-file');
          assert.ok(!error.message.includes(planted));
          assert.deepEqual(error.message.split('\n').slice(0, messages.length), messages, text);
          return true;
        },
      );
    }
  });

  it('is read or refused, whatever stands in it', () => {
    const words = constantFrom(
      'users:',
      '\n',
      ' ',
      '- ',
      'id: ',
      'a@pbs',
      '{',
      '}',
      '[',
      ']',
      ',',
      'tokens: ',
      '"',
      '&a',
      '*a',
      '\0',
      '|',
      '#',
    );
    assertProperty(
      property(array(words), (parts) => {
        try {
          parseUsers(parts.join(''), 'u.yaml');
        } catch (error) {
          assert.ok(error instanceof UsageError, String(error));
        }
      }),
    );
  });

  it('is warned about where everybody may read it, and named where it is not there', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'users.yaml');
    await assert.rejects(readUsersFile(file), { code: 'users-file', message: `${file}: there is no such file` });
    await writeFile(file, 'users: []');
    await chmod(file, 0o640);
    assert.deepEqual((await readUsersFile(file)).warnings, []);
    await chmod(file, 0o644);
    assert.deepEqual((await readUsersFile(file)).warnings, [
      `everybody on this machine may read ${file}: chmod 600 ${file}`,
    ]);
    await assert.rejects(readUsersFile(folder.path), { code: 'users-file' });
  });
});
