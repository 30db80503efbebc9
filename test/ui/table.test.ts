import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { displayWidth, truncateToWidth } from '../../src/ui/display-width.ts';
import { styleFor } from '../../src/ui/style.ts';
import { formatTable } from '../../src/ui/table.ts';

test('columns are aligned, figures on the right, without blanks at the ends of lines', () => {
  assert.equal(
    formatTable(
      [
        ['sequential', '61', 'slow'],
        ['window-unordered', '1160', ''],
      ],
      { header: ['strategy', 'MB/s', 'note'], align: ['left', 'right'], indent: '  ' },
    ),
    ['  strategy          MB/s  note', '  sequential          61  slow', '  window-unordered  1160', ''].join('\n'),
  );
});

test('nothing gives nothing, and rows of different lengths are fine', () => {
  assert.equal(formatTable([]), '');
  assert.equal(formatTable([['a'], ['bb', 'c'], []]), 'a\nbb  c\n\n');
});

test('wide characters, accents and colours do not shift columns', () => {
  const { red } = styleFor({ isTTY: true }, {});
  const table = formatTable([
    ['日本', 'x'],
    ['e\u0301e', 'x'],
    [red('red'), 'x'],
    ['👩‍💻', 'x'],
    ['plain', 'x'],
  ]);
  const positions = table
    .trimEnd()
    .split('\n')
    .map((line) => displayWidth(line.slice(0, line.lastIndexOf('x'))));
  assert.deepEqual(positions, [7, 7, 7, 7, 7]);
});

test('line breaks in a cell become blanks, and long lines are cut', () => {
  assert.equal(formatTable([['a\n  b', 'c']]), 'a b  c\n');
  assert.equal(formatTable([['name', 'a long description']], { width: 12 }), 'name  a lon…\n');
});

test('the width of a text is in cells', () => {
  assert.equal(displayWidth('abc'), 3);
  assert.equal(displayWidth('日本'), 4);
  assert.equal(displayWidth('e\u0301'), 1);
  assert.equal(displayWidth('👍🏽'), 2);
  assert.equal(displayWidth('🇩🇪'), 2);
  assert.equal(displayWidth('█▏…µ'), 4);
  assert.equal(displayWidth('\u001B[31mred\u001B[39m'), 3);
  assert.equal(displayWidth(''), 0);
});

test('a cut text is never wider than asked, keeps its beginning, and closes its colours', () => {
  const { green } = styleFor({ isTTY: true }, {});
  assert.equal(truncateToWidth('abcdef', 4), 'abc…');
  assert.equal(truncateToWidth('日本語', 4), '日…');
  assert.equal(truncateToWidth(green('abcdef'), 4), '\u001B[32mabc…\u001B[0m');
  assert.equal(truncateToWidth('abc', 0), '');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, cells) => {
      const cut = truncateToWidth(text, cells);
      assert.ok(displayWidth(cut) <= cells);
      assert.ok(cut === text || cut === '' || text.startsWith(cut.slice(0, -1)));
    }),
  );
});

test('colours are on for a terminal only, and the environment can say otherwise', () => {
  const terminal = { isTTY: true };
  const file = {};
  assert.equal(styleFor(terminal, {}).bold('x'), '\u001B[1mx\u001B[22m');
  assert.equal(styleFor(file, {}).bold('x'), 'x');
  assert.equal(styleFor(terminal, { NO_COLOR: '1' }).hasColour, false);
  assert.equal(styleFor(terminal, { NO_COLOR: '' }).hasColour, true);
  assert.equal(styleFor(terminal, { TERM: 'dumb' }).hasColour, false);
  assert.equal(styleFor(file, { FORCE_COLOR: '1' }).hasColour, true);
  assert.equal(styleFor(file, { FORCE_COLOR: '' }).hasColour, true);
  assert.equal(styleFor(terminal, { FORCE_COLOR: '0' }).hasColour, false);
  assert.equal(styleFor(file, { FORCE_COLOR: '1', NO_COLOR: '1' }).hasColour, true);
});
