import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { array, assert as assertProperty, boolean, constantFrom, property, record } from 'fast-check';

import {
  hasPrivilegesBelow,
  isToken,
  privilegesAt,
  soleAccount,
  userOf,
  type AclEntry,
} from '../../../../src/pbs/server/access/accounts.ts';
import { privileges, roleNames } from '../../../../src/pbs/server/access/roles.ts';

const entry = (authId: string, path: string, role: AclEntry['role'], propagate = true): AclEntry => ({
  authId,
  path,
  role,
  propagate,
});
const at = (acl: readonly AclEntry[], authId: string, path: string): readonly string[] =>
  [...privilegesAt({ users: [], acl }, authId, path.split('/').filter(Boolean))].sort();

describe('what somebody may do', () => {
  it('is what the deepest entry on the way to a path gives', () => {
    const acl = [
      entry('a@pbs', '/', 'DatastoreAudit'),
      entry('a@pbs', '/datastore/tank', 'DatastoreBackup'),
      entry('a@pbs', '/datastore/tank/x', 'NoAccess'),
      entry('a@pbs', '/datastore/tank/x/y', 'DatastoreReader'),
    ];
    assert.deepEqual(at(acl, 'a@pbs', '/datastore'), ['Datastore.Audit']);
    assert.deepEqual(at(acl, 'a@pbs', '/datastore/other/x'), ['Datastore.Audit']);
    assert.deepEqual(at(acl, 'a@pbs', '/datastore/tank'), ['Datastore.Backup']);
    assert.deepEqual(at(acl, 'a@pbs', '/datastore/tank/z'), ['Datastore.Backup']);
    assert.deepEqual(at(acl, 'a@pbs', '/datastore/tank/x'), []);
    assert.deepEqual(at(acl, 'a@pbs', '/datastore/tank/x/z'), []);
    assert.ok(at(acl, 'a@pbs', '/datastore/tank/x/y').includes('Datastore.Read'));
    assert.deepEqual(at(acl, 'b@pbs', '/datastore/tank'), []);
  });

  it('is the sum of several roles at one path, and nothing where one of them is NoAccess', () => {
    const both = [entry('a@pbs', '/', 'DatastoreBackup'), entry('a@pbs', '/', 'DatastoreAudit')];
    assert.deepEqual(at(both, 'a@pbs', '/'), ['Datastore.Audit', 'Datastore.Backup']);
    assert.deepEqual(at([...both, entry('a@pbs', '/', 'NoAccess')], 'a@pbs', '/'), []);
  });

  it('ends at the path of an entry that does not propagate', () => {
    const acl = [entry('a@pbs', '/datastore/tank', 'DatastoreAudit', false)];
    assert.deepEqual(at(acl, 'a@pbs', '/datastore/tank'), ['Datastore.Audit']);
    assert.deepEqual(at(acl, 'a@pbs', '/datastore/tank/x'), []);
  });

  it('is everything for root@pam, but not for its tokens', () => {
    assert.deepEqual(at([], 'root@pam', '/datastore/tank'), [...privileges].sort());
    assert.deepEqual(at([], 'root@pam!t', '/datastore/tank'), []);
    assert.deepEqual(at([entry('root@pam!t', '/', 'DatastoreAudit')], 'root@pam!t', '/datastore/tank'), [
      'Datastore.Audit',
    ]);
  });

  it('is for a token never more than for its user', () => {
    const roles = array(
      record({
        authId: constantFrom('a@pbs', 'a@pbs!t'),
        path: constantFrom('/', '/datastore', '/datastore/tank', '/datastore/tank/x'),
        role: constantFrom(...roleNames),
        propagate: boolean(),
      }),
    );
    const path = constantFrom('/', '/datastore/tank', '/datastore/tank/x', '/datastore/tank/x/y');
    assertProperty(
      property(roles, path, (acl, where) => {
        const ofUser = new Set(at(acl, 'a@pbs', where));
        for (const privilege of at(acl, 'a@pbs!t', where)) assert.ok(ofUser.has(privilege));
      }),
    );
  });

  it('below a path is found, and not what NoAccess takes away', () => {
    const acl = [
      entry('a@pbs', '/datastore/tank/x', 'DatastoreAudit'),
      entry('b@pbs', '/datastore/tank/x', 'NoAccess'),
    ];
    const below = (authId: string, path: readonly string[]): boolean =>
      hasPrivilegesBelow({ users: [], acl }, authId, path);
    assert.equal(below('a@pbs', ['datastore', 'tank']), true);
    assert.equal(below('a@pbs', ['datastore', 'other']), false);
    assert.equal(below('a@pbs', ['datastore', 'tank', 'x']), false);
    assert.equal(below('b@pbs', ['datastore', 'tank']), false);
  });
});

describe('the one account of a server', () => {
  it('may do everything, as a user and as a token', () => {
    for (const id of ['bench@pbs', 'bench@pbs!t1', 'root@pam', 'root@pam!x']) {
      assert.equal(privilegesAt(soleAccount(id, 's'), id, ['datastore', 'tank']).size, privileges.length, id);
    }
  });
});

describe('an auth id', () => {
  it('is a token where a ! is behind its last @ (spec 1.1)', () => {
    assert.deepEqual([isToken('a@pbs'), userOf('a@pbs')], [false, 'a@pbs']);
    assert.deepEqual([isToken('a!b@pbs'), userOf('a!b@pbs')], [false, 'a!b@pbs']);
    assert.deepEqual([isToken('a!b@pbs!c'), userOf('a!b@pbs!c')], [true, 'a!b@pbs']);
  });
});
