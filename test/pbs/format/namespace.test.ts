import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { UsageError } from '../../../src/model/errors.ts';
import { parseNamespace } from '../../../src/pbs/format/namespace.ts';

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
