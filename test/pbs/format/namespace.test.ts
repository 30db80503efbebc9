import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { UsageError } from '../../../src/model/errors.ts';
import { namespaceFolder } from '../../../src/pbs/datastore/layout.ts';
import { isNamespace, parseNamespace } from '../../../src/pbs/format/namespace.ts';

test('the root has no parts, any other namespace up to seven', () => {
  assert.deepEqual(parseNamespace(''), []);
  assert.deepEqual(parseNamespace('a'), ['a']);
  assert.deepEqual(parseNamespace('site-1/vm.s/_x'), ['site-1', 'vm.s', '_x']);
  assert.equal(parseNamespace('a/b/c/d/e/f/g').length, 7);
});

test('a namespace is never a path', () => {
  for (const text of [
    '/',
    'a/',
    '/a',
    'a//b',
    '.',
    '..',
    'a/../b',
    '../..',
    'a/.hidden',
    'a\\b',
    'a b',
    'a/b/c/d/e/f/g/h',
  ])
    assert.throws(() => parseNamespace(text), { name: 'UsageError', code: 'namespace' }, text);
  assert.throws(() => parseNamespace('a'.repeat(257)), { code: 'namespace' });
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[./a\\]{0,20}$/u)), (text) => {
      try {
        for (const part of parseNamespace(text)) assert.match(part, /^\w[\w.-]*$/u);
      } catch (error) {
        assert.ok(error instanceof UsageError);
      }
    }),
  );
});

test('the folder of a namespace is inside of its datastore', () => {
  const pieces = fc.constantFrom('a', '.', '..', '/', '\\', '\0', '%2e', 'ns', ' ', '-');
  fc.assert(
    fc.property(fc.array(pieces), (parts) => {
      const text = parts.join('');
      if (!isNamespace(text)) {
        assert.throws(() => namespaceFolder('/store', text), { code: 'namespace' });
        return;
      }
      const folder = namespaceFolder('/store', text).split('/');
      assert.deepEqual(folder, ['', 'store', ...parseNamespace(text).flatMap((part) => ['ns', part])]);
    }),
  );
});
