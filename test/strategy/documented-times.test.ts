import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { DEFAULT_CHUNK_SIZE, formatRate } from '../../src/model/units.ts';
import { findStrategy, strategies, strategyAliases } from '../../src/strategy/strategies.ts';
import { imageOf, simulateRestore } from '../simulation/simulated-restore.ts';

const page = readFileSync(new URL('../../docs/strategies.md', import.meta.url), 'utf8');

/** Cells of the table rows that begin with the name of a strategy, without the marks of code. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .replaceAll('`', '')
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

test('the documented defaults are those of the strategies', () => {
  const documented = rows.slice(0, Object.keys(strategies).length);
  assert.deepEqual(
    documented,
    Object.values(strategies).map(({ name, defaults, fixed }) => [
      name,
      String(defaults.inFlight),
      String(defaults.decodeThreads),
      String(defaults.connections ?? 1),
      fixed.join(', '),
    ]),
  );
  for (const name of Object.keys(strategies)) assert.ok(page.includes(`### \`${name}\``), name);
  for (const alias of Object.keys(strategyAliases)) assert.ok(page.includes(`\`${alias}\``), alias);
});

test('the example of the documentation holds', async () => {
  const examples = rows.slice(Object.keys(strategies).length);
  assert.equal(examples.length, 7);
  for (const [name = '', inFlight, time, rate] of examples) {
    const strategy = findStrategy(name);
    assert.ok(strategy, name);
    const { totalMs } = await simulateRestore(strategy, {
      image: imageOf('D'.repeat(128)),
      inFlight: Number(inFlight),
      roundTripMs: 10,
      readLatencyMs: 2,
      linkMs: 4,
      decodeMs: 3,
      decodeThreads: 1,
      writeMs: 1,
    });
    assert.equal(`${totalMs} ms`, time, name);
    assert.equal(formatRate((128 * DEFAULT_CHUNK_SIZE * 1000) / totalMs), rate, name);
  }
});

test('the documented formulas are exact for equal chunks', async () => {
  const circumstances = fc.record({
    chunks: fc.integer({ min: 1, max: 30 }),
    inFlight: fc.integer({ min: 1, max: 10 }),
    roundTripMs: fc.integer({ min: 0, max: 20 }).map((half) => half * 2),
    readLatencyMs: fc.integer({ min: 0, max: 5 }),
    linkMs: fc.constantFrom(1, 2, 4, 8),
    decodeMs: fc.integer({ min: 0, max: 8 }),
    writeMs: fc.integer({ min: 0, max: 8 }),
  });
  // The window of adaptive is not a given one.
  const names = fc.constantFrom(...Object.keys(strategies).filter((name) => name !== 'adaptive'));
  await fc.assert(
    fc.asyncProperty(circumstances, names, async ({ chunks, inFlight, ...costs }, name) => {
      const strategy = findStrategy(name);
      assert.ok(strategy);
      const { totalMs } = await simulateRestore(strategy, {
        image: imageOf('D'.repeat(chunks)),
        inFlight,
        decodeThreads: 1,
        ...costs,
      });
      const alone = costs.roundTripMs + costs.readLatencyMs + costs.linkMs + costs.decodeMs + costs.writeMs;
      const bottleneck = Math.max(costs.linkMs, costs.decodeMs, costs.writeMs);
      const places = name === 'sequential' ? 1 : inFlight;
      const expected =
        places * bottleneck >= alone
          ? alone + (chunks - 1) * bottleneck
          : Math.ceil(chunks / places) * alone + ((chunks - 1) % places) * bottleneck;
      assert.equal(totalMs, expected);
    }),
    { numRuns: 150 },
  );
});
