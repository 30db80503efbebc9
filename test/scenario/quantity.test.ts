import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import {
  baseUnitName,
  parseQuantity,
  quantityKinds,
  quantityPattern,
  type QuantityKind,
} from '../../src/scenario/quantity.ts';

const kinds = Object.keys(quantityKinds) as QuantityKind[];

function valueOf(kind: QuantityKind, text: string): number {
  const parsed = parseQuantity(kind, text);
  assert.ok('value' in parsed, `${text}: ${JSON.stringify(parsed)}`);
  return parsed.value;
}

function messageOf(kind: QuantityKind, written: unknown): string {
  const parsed = parseQuantity(kind, written);
  assert.ok('message' in parsed, `${String(written)} was accepted`);
  return parsed.message;
}

test('sizes are whole bytes, decimal and binary', () => {
  assert.equal(valueOf('size', '512 MiB'), 512 * 1024 ** 2);
  assert.equal(valueOf('size', '1 TiB'), 1_099_511_627_776);
  assert.equal(valueOf('size', '1.5 kB'), 1500);
  assert.equal(valueOf('size', '2GB'), 2e9);
  assert.equal(valueOf('size', '0.3 B'), 0);
});

test('durations are milliseconds', () => {
  assert.equal(valueOf('duration', '250 us'), 0.25);
  assert.equal(valueOf('duration', '30 ms'), 30);
  assert.equal(valueOf('duration', '1.5 s'), 1500);
  assert.equal(valueOf('duration', '2 min'), 120_000);
});

test('rates are bytes per second, from bits and from bytes', () => {
  assert.equal(valueOf('rate', '2.5 Gbit/s'), 312_500_000);
  assert.equal(valueOf('rate', '8 bit/s'), 1);
  assert.equal(valueOf('rate', '100 Mbit/s'), 12_500_000);
  assert.equal(valueOf('rate', '60 MB/s'), 60_000_000);
  assert.equal(valueOf('rate', '1 MiB/s'), 1_048_576);
  assert.equal(valueOf('rate', '1 TiB/s'), 1_099_511_627_776);
});

test('shares are parts of 1 without digits that nobody wrote', () => {
  assert.equal(valueOf('share', '10 %'), 0.1);
  assert.equal(valueOf('share', '7%'), 0.07);
  assert.equal(valueOf('cpuCost', '900 ms/GB'), 0.9);
});

test('a number without a unit, a wrong unit and a negative number are refused with what was meant', () => {
  assert.equal(messageOf('duration', '10 mss'), '`10 mss`: unknown unit `mss`; did you mean `10 ms`?');
  assert.equal(messageOf('duration', 10), '`10` has no unit');
  assert.equal(messageOf('duration', '10'), '`10` has no unit');
  assert.equal(messageOf('duration', '-10 ms'), '`-10 ms` is negative');
  assert.equal(messageOf('share', 0.05), '`0.05` has no unit; did you mean `5 %`?');
  const share = parseQuantity('share', 0.05);
  assert.match('allowed' in share ? share.allowed : '', /for example 5 %$/u);
  assert.equal(messageOf('rate', '1 Gbps'), '`1 Gbps`: unknown unit `Gbps`; did you mean `1 Gbit/s`?');
  assert.equal(messageOf('rate', '100 Mb/s'), '`100 Mb/s`: unknown unit `Mb/s`; did you mean `100 MB/s`?');
  assert.equal(messageOf('size', '4 gib'), '`4 gib`: unknown unit `gib`; did you mean `4 GiB`?');
  assert.equal(messageOf('size', '4G'), '`4G`: unknown unit `G`; did you mean `4 GiB`?');
  assert.equal(messageOf('size', '1,5 GB'), '`1,5 GB` is not a size: write its number as 1000 or 1.5');
  assert.equal(messageOf('size', '1e9 B'), '`1e9 B` is not a size: write its number as 1000 or 1.5');
  assert.equal(messageOf('size', 'big'), '`big` is not a size');
  assert.equal(messageOf('size', true), 'expected a size, found `true`');
  assert.equal(messageOf('size', `${'9'.repeat(400)} B`).endsWith('is too large'), true);
  assert.equal(messageOf('duration', '5 constructor'), '`5 constructor`: unknown unit `constructor`');
});

test('what is allowed names every unit and an example with the number that was written', () => {
  const parsed = parseQuantity('duration', 10);
  assert.equal('allowed' in parsed && parsed.allowed, 'a duration with a unit (us, ms, s, min), for example 10 ms');
});

test('every unit of every kind is parsed to number times scale, with and without blanks', () => {
  const numbers = fc.oneof(
    fc.nat(100_000).map(String),
    fc.tuple(fc.nat(9999), fc.nat(999)).map(([whole, part]) => `${whole}.${part}`),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      numbers,
      fc.constantFrom('', ' ', '  '),
      fc.nat(),
      (kind, number, blank, which) => {
        const units = Object.entries(quantityKinds[kind].units);
        const [unit, scale] = units[which % units.length] ?? ['', Number.NaN];
        const text = `${number}${blank}${unit}`;
        const exact = Number(number) * scale;
        const value = valueOf(kind, text);
        assert.ok(Math.abs(value - exact) <= (kind === 'size' ? 0.5 : exact * 1e-12), `${text}: ${value}`);
        assert.match(text, new RegExp(quantityPattern(kind), 'u'));
      },
    ),
  );
});

test('the pattern for editors accepts only what the parser accepts, whatever is written', () => {
  const piece = fc.constantFrom(
    '1',
    '30',
    '2.5',
    '.5',
    '-',
    '+',
    ' ',
    'ms',
    's',
    'MiB',
    'Gbit/s',
    '%',
    's/GB',
    'e3',
    ',',
    'x',
  );
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.array(piece, { maxLength: 5 }), (kind, pieces) => {
      const text = pieces.join('');
      assert.equal(new RegExp(quantityPattern(kind), 'u').test(text), 'value' in parseQuantity(kind, text), text);
    }),
    { numRuns: 500 },
  );
});

test('any value at all is either parsed or refused with a message, never thrown at', () => {
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.anything(), (kind, written) => {
      const parsed = parseQuantity(kind, written);
      assert.ok('value' in parsed ? parsed.value >= 0 : parsed.message.length > 0 && parsed.allowed.length > 0);
    }),
  );
});

test('fields are named with the base unit', () => {
  assert.equal(baseUnitName('duration', 'roundTrip'), 'roundTripMs');
  assert.equal(baseUnitName('rate', 'bandwidth'), 'bandwidthBytesPerSecond');
  assert.equal(baseUnitName('size', 'bufferBytes'), 'bufferBytes');
  assert.equal(baseUnitName('share', 'zeroShare'), 'zeroShare');
});
