import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { displayWidth } from '../../src/ui/display-width.ts';
import { wrapText } from '../../src/ui/wrap-text.ts';

describe('a wrapped sentence', () => {
  it('breaks at blanks and indents what follows', () => {
    assert.equal(wrapText('one two three four', 9), 'one two\n  three\n  four');
  });

  it('stays whole where it fits', () => {
    assert.equal(wrapText('one two', 7), 'one two');
    assert.equal(wrapText('one two', Infinity), 'one two');
  });

  it('loses no word, and no line with two words is too long', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/u), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(words, fc.integer({ min: 4, max: 40 }), (list, cells) => {
        const wrapped = wrapText(list.join(' '), cells);
        assert.deepEqual(wrapped.trim().split(/\s+/u), list);
        for (const line of wrapped.split('\n'))
          assert.ok(displayWidth(line) <= cells || line.trim().split(' ').length === 1, line);
      }),
    );
  });
});
