import assert from 'node:assert/strict';
import { test } from 'node:test';

import { strategyFrom } from '../../src/cli/strategy-options.ts';
import { UsageError } from '../../src/model/errors.ts';
import { MiB } from '../../src/model/units.ts';

test('without options it is the default strategy with its own knobs', () => {
  const { name, knobs } = strategyFrom({}, 'window-unordered');
  assert.equal(name, 'window-unordered');
  assert.deepEqual([knobs.inFlight, knobs.decodeThreads, knobs.connections], [16, 4, 1]);
  assert.equal(strategyFrom({ strategy: 'ordered-async' }, 'window-unordered').name, 'window-ordered');
});

test('no server is asked for more than 16 chunks at a time, unless the user says so', () => {
  assert.equal(strategyFrom({ strategy: 'adaptive' }, 'sequential').knobs.inFlight, 16);
  assert.equal(strategyFrom({ strategy: 'adaptive', 'in-flight': 64 }, 'sequential').knobs.inFlight, 64);
  assert.equal(strategyFrom({ strategy: 'sequential' }, 'adaptive').knobs.inFlight, 1);
});

test('every knob of a scenario is an option', () => {
  const argv = {
    strategy: 'multi-connection',
    'in-flight': 8,
    'decode-threads': 2,
    writers: 3,
    buffer: '64 MiB',
    connections: 4,
  };
  assert.deepEqual(strategyFrom(argv, 'sequential').knobs, {
    inFlight: 8,
    decodeThreads: 2,
    writers: 3,
    bufferBytes: 64 * MiB,
    connections: 4,
    polite: false,
  });
  assert.equal(strategyFrom({ strategy: 'adaptive', polite: true }, 'sequential').knobs.polite, true);
});

test('what is wrong is told by the name of the option, with what is allowed', () => {
  for (const [argv, option] of [
    [{ 'in-flight': 0 }, '--in-flight'],
    [{ 'in-flight': [1, 2] }, '--in-flight'],
    [{ 'decode-threads': Number.NaN }, '--decode-threads'],
    [{ buffer: '1 MiB' }, '--buffer'],
    [{ connections: 2 }, '--connections'],
    [{ strategy: ['sequential', 'adaptive'] }, '--strategy'],
  ] as const) {
    assert.throws(
      () => strategyFrom(argv, 'window-unordered'),
      (error) => error instanceof UsageError && error.message.startsWith(`${option}: `) && error.hint !== undefined,
    );
  }
});
