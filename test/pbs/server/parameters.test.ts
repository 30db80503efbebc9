import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { array, assert as assertProperty, constantFrom, property, string, tuple } from 'fast-check';

import { isBoolean, isIntegerFrom, isOneOf, isText, matches, readQuery } from '../../../src/pbs/server/parameters.ts';
import { Refusal } from '../../../src/pbs/server/refusal.ts';

const rules = {
  count: { check: isIntegerFrom(1), isOptional: true },
  kind: { check: isOneOf(['a', 'b']), isOptional: true },
  name: { check: matches(/^[a-z]+$/u, { minLength: 2, maxLength: 4 }) },
  quiet: { check: isBoolean, isOptional: true },
  text: { check: isText, isOptional: true },
};

const refusal = (query: string): string => {
  try {
    readQuery(query, rules);
  } catch (error) {
    assert.ok(error instanceof Refusal && error.status === 400);
    return error.message;
  }
  return '';
};

describe('parameters', () => {
  it('are decoded as a form, _dc ignored', () => {
    assert.deepEqual(
      [...readQuery('_dc=1&name=abc&quiet=Yes&count=7&kind=b&text=%C3%A9+x', rules)],
      [
        ['name', 'abc'],
        ['quiet', 'Yes'],
        ['count', '7'],
        ['kind', 'b'],
        ['text', 'é x'],
      ],
    );
  });

  it('are refused with the name and the reason', () => {
    const reasons = {
      'name=abc&count=0': "'count': value must have a minimum value of 1 (got 0)",
      'name=abc&count=x': "'count': invalid digit found in string",
      'name=abc&kind=c': "'kind': value 'c' is not defined in the enumeration.",
      'name=abc&quiet=2': "'quiet': Unable to parse boolean option.",
      'name=a': "'name': value must be at least 2 characters long",
      'name=abcde': "'name': value may only be 4 characters long",
      'name=AB': "'name': value does not match the regex pattern",
      'name=ab&name=ab': "'name': duplicate parameter.",
      'name=ab&__proto__=x': "'__proto__': schema does not allow additional properties.",
      '': "'name': parameter is missing and it is not optional.",
    };
    for (const [query, reason] of Object.entries(reasons))
      assert.equal(refusal(query), `parameter verification failed - ${reason}`);
  });

  it('of any query are either all right or refused with 400', () => {
    assertProperty(
      property(string(), array(tuple(constantFrom('name', 'count', 'x', '_dc'), string())), (text, pairs) => {
        for (const query of [text, new URLSearchParams(pairs).toString()]) {
          const message = refusal(query);
          if (message === '') assert.match(readQuery(query, rules).get('name') ?? '', /^[a-z]{2,4}$/u);
          else assert.match(message, /^parameter verification (?:failed - '|errors\n\n)/u);
        }
      }),
    );
  });
});
