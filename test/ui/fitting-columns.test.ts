import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { fittingColumns } from '../../src/ui/fitting-columns.ts';

const rows = [
  ['name', 'rate', 'ratio'],
  ['one', '100', '2.0'],
];

describe('the columns that fit', () => {
  it('are all where there is room', () => {
    assert.deepEqual(fittingColumns(rows, { width: 17, kept: 1 }), rows);
  });

  it('go from the right where there is not', () => {
    assert.deepEqual(fittingColumns(rows, { width: 16, kept: 1 }), [
      ['name', 'rate'],
      ['one', '100'],
    ]);
    assert.deepEqual(fittingColumns(rows, { width: 9, kept: 1 }), [['name'], ['one']]);
  });

  it('never go below what is kept', () => {
    assert.deepEqual(fittingColumns(rows, { width: 3, kept: 2 })[0], ['name', 'rate']);
  });
});
