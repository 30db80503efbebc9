import assert from 'node:assert/strict';
import { test } from 'node:test';

import { findStrategy, strategies, strategyAliases } from '../../src/strategy/strategies.ts';

test('every strategy stands under its own name, with a summary and usable defaults', () => {
  assert.deepEqual(Object.keys(strategies), [
    'sequential',
    'concurrent',
    'window-unordered',
    'window-ordered',
    'multi-connection',
    'adaptive',
  ]);
  for (const [name, strategy] of Object.entries(strategies)) {
    assert.equal(strategy.name, name);
    assert.ok(strategy.summary.length > 0 && !strategy.summary.includes('\n'));
    assert.ok(strategy.defaults.inFlight >= 1);
    assert.ok(strategy.defaults.decodeThreads >= 0);
    assert.equal(findStrategy(name), strategy);
  }
});

test('aliases lead to a strategy and never hide one', () => {
  for (const [alias, name] of Object.entries(strategyAliases)) {
    assert.equal(findStrategy(alias), strategies[name]);
    assert.ok(!Object.hasOwn(strategies, alias));
  }
  assert.equal(findStrategy('ordered-async')?.name, 'window-ordered');
});

test('a name that is not one finds nothing, inherited property names included', () => {
  for (const name of ['', 'Sequential', 'toString', 'constructor', '__proto__'])
    assert.equal(findStrategy(name), undefined);
});
