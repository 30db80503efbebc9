import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { UsageError } from '../../../src/model/errors.ts';
import {
  formatHostAndPort,
  formatRepository,
  isApiToken,
  parseRepository,
  repositoryOf,
  type Repository,
} from '../../../src/pbs/client/repository.ts';

test('repositories of the description', () => {
  for (const [text, authId, host, port, store] of [
    ['tank', 'root@pam', 'localhost', 8007, 'tank'],
    ['pbs1:tank', 'root@pam', 'pbs1', 8007, 'tank'],
    ['10.0.0.5:1234:tank', 'root@pam', '10.0.0.5', 1234, 'tank'],
    ['admin@pam@pbs1:8008:tank', 'admin@pam', 'pbs1', 8008, 'tank'],
    ['bk@pbs!ci@[fd00::1]:tank', 'bk@pbs!ci', 'fd00::1', 8007, 'tank'],
    ['bk@pbs!ci@[fd00::1]:8443:tank', 'bk@pbs!ci', 'fd00::1', 8443, 'tank'],
    ['jo@example.org@ldap@backup.example.org:tank', 'jo@example.org@ldap', 'backup.example.org', 8007, 'tank'],
    ['a!b@pbs@pbs1:tank', 'a!b@pbs', 'pbs1', 8007, 'tank'],
  ] as const) {
    assert.deepEqual(parseRepository(text), { authId, host, port, store }, text);
  }
});

test('what is no repository is refused without quoting it', () => {
  for (const text of [
    '',
    ':tank',
    'ab',
    'pbs1:',
    'root@pam:tank',
    'root@pam@:tank',
    'root@p@pbs1:tank',
    'https://root:planted@pbs1:8007/tank',
    'root@pam:planted@pbs1:tank',
    'pbs1:0:tank',
    'pbs1:65536:tank',
    'pbs1:123456:tank',
    'fd00::1:tank',
    '[fd00::g]:tank',
    '[10.0.0.5]:tank',
    'pbs1:../tank',
    'pbs1:t/../x',
    '-pbs:tank',
    'pbs..x:tank',
    `pbs1:${'t'.repeat(33)}`,
    `${'p'.repeat(300)}:tank`,
    'pbs1:tank\n',
    'root@pam@pb s1:tank',
  ]) {
    assert.throws(
      () => parseRepository(text),
      (error) => {
        assert.ok(error instanceof UsageError, text);
        assert.equal(error.code, 'repository', text);
        assert.doesNotMatch(`${error.message} ${error.hint}`, /planted/u);
        return true;
      },
      text,
    );
  }
});

const safeId = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.stringMatching(new RegExp(`^[A-Za-z0-9_][A-Za-z0-9._-]{${minLength - 1},${maxLength - 1}}$`, 'u'));
const label = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9-]{0,8}[A-Za-z0-9])?$/u);
const host = fc.oneof(
  fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
  fc.ipV4(),
  fc.ipV6().filter((address) => !address.includes('.')),
);
const authId = fc
  .tuple(fc.stringMatching(/^[A-Za-z0-9@!.-]{1,12}$/u), safeId(2, 12), fc.option(safeId(1, 20), { nil: undefined }))
  .map(([name, realm, token]) => ({ text: `${name}@${realm}${token === undefined ? '' : `!${token}`}`, token }));
const port = fc.integer({ min: 1, max: 65_535 });

test('a repository that is written out is read back as it was', () => {
  fc.assert(
    fc.property(authId, host, port, safeId(3, 32), ({ text, token }, where, number, store) => {
      const repository: Repository = { authId: text, host: where, port: number, store };
      assert.deepEqual(parseRepository(formatRepository(repository)), repository);
      assert.deepEqual(repositoryOf({ ...repository, port: String(number) }), repository);
      assert.equal(isApiToken(text), token !== undefined);
      assert.deepEqual(parseRepository(`${formatHostAndPort(repository)}:${store}`).authId, 'root@pam');
    }),
  );
});

test('any other text is a repository or a usage error, quickly', () => {
  const parts = fc.constantFrom('@', ':', '[', ']', '!', '.', '-', 'a', '1', '::', '/', ' ', 'root@pam', '\u0000');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(parts, { maxLength: 60 }).map((p) => p.join('')),
      ),
      (text) => {
        try {
          const repository = parseRepository(text);
          assert.deepEqual(parseRepository(formatRepository(repository)), repository);
          assert.match(repository.store, /^[\w.-]{3,32}$/u);
        } catch (error) {
          assert.ok(error instanceof UsageError, String(error));
        }
      },
    ),
    { numRuns: 500 },
  );
});
