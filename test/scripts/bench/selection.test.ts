import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { listTable } from '../../../scripts/bench/bench-tables.ts';
import { families } from '../../../scripts/bench/families/families.ts';
import { parseOptions } from '../../../scripts/bench/options.ts';
import { select } from '../../../scripts/bench/selection.ts';
import { plantedFamily } from './planted-family.ts';

const planted = [plantedFamily({ name: 'x', blocks: [] }), plantedFamily({ name: 'y', blocks: [] })];

const chosen = (...only: readonly string[]): readonly (readonly [string, readonly string[], readonly string[]])[] =>
  select(planted, only).map(({ family, measurements, ratios }) => [family.name, [...measurements], [...ratios]]);

void suite('what a bench measures', () => {
  test('everything, unless names are given', () => {
    assert.deepEqual(chosen(), [
      ['x', ['x-a', 'x-b'], ['x-a-over-b']],
      ['y', ['y-a', 'y-b'], ['y-a-over-b']],
    ]);
  });

  test('a ratio brings what it is made of, a measurement nothing else, a family all of it', () => {
    assert.deepEqual(chosen('x-a-over-b'), [['x', ['x-a', 'x-b'], ['x-a-over-b']]]);
    assert.deepEqual(chosen('y-b'), [['y', ['y-b'], []]]);
    assert.deepEqual(chosen('y'), [['y', ['y-a', 'y-b'], ['y-a-over-b']]]);
  });

  test('a name that nothing has is refused with those that exist', () => {
    assert.throws(() => chosen('x-c'), /nothing is called x-c; known: x, x-a-over-b, x-a, x-b, y/u);
  });

  const real = (quick: boolean) =>
    families({
      quick,
      sweep: false,
      folder: '/nowhere',
      host: { platform: 'linux', arch: 'x64', cores: 2, memoryBytes: 1 },
    });

  test('every named ratio is measured, with its bound, by the quick bench and by all of it', () => {
    const promised = {
      'client-over-raw-tls-and-copy': { atLeast: 0.85 },
      'client-over-node-http2': { atLeast: 1.5 },
      'server-over-raw-tls': { atLeast: 0.85 },
      'server-over-node-http2-16': { atLeast: 2 },
      'server-64-over-1': { atLeast: 0.9 },
      'restore-cpu-over-primitives': { atMost: 1.12 },
      'restore-zstd-cpu-over-primitives': { atMost: 1.2 },
      'restore-file-cpu-over-discard-plus-write': { atMost: 1.15 },
      'hardware-prediction': { atMost: 1.15 },
    };
    for (const quick of [true, false]) {
      const bounds = new Map(real(quick).flatMap(({ ratios }) => ratios.map(({ name, bound }) => [name, bound])));
      for (const [name, bound] of Object.entries(promised)) assert.deepEqual(bounds.get(name), bound, name);
    }
  });

  test('names are unique, and ratios are made of measurements of their own family', () => {
    for (const quick of [true, false]) {
      const all = real(quick);
      const names = all.flatMap(({ name, ratios, measurements }) => [
        name,
        ...[...ratios, ...measurements].map((one) => one.name),
      ]);
      assert.deepEqual(
        names.filter((name, index) => names.indexOf(name) !== index),
        [],
      );
      for (const { ratios, measurements } of all) {
        const own = new Set(measurements.map(({ name }) => name));
        for (const { name, needs } of ratios)
          assert.deepEqual(
            needs.filter((need) => !own.has(need)),
            [],
            name,
          );
      }
      for (const name of names) assert.ok(listTable(all).includes(name), name);
    }
  });
});

void suite('options of the bench', () => {
  test('are read as the help names them', () => {
    assert.deepEqual(
      parseOptions(['--quick', '--only', 'a', '--only', 'b', '--json', 'out.json', '--minutes', '1.5']),
      {
        quick: true,
        only: ['a', 'b'],
        list: false,
        sweep: false,
        help: false,
        jsonFile: 'out.json',
        limitMs: 90_000,
      },
    );
  });

  test('that do not exist are refused', () => {
    assert.throws(() => parseOptions(['--fast']), /fast/u);
    assert.throws(() => parseOptions(['--minutes', 'few']), /--minutes takes a number, not few/u);
  });
});
