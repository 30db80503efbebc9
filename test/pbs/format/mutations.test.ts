import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { formatOf } from '../../../src/pbs/format/magic.ts';
import { SeededRandom } from '../../../src/material/seeded-random.ts';
import { goldenFolder } from '../datastore/golden.ts';
import { fuzzTargets, mutate, readOne } from './mutations.ts';

/** A small share of what scripts/fuzz-formats.ts does. */
const INPUTS_PER_TARGET = 1500;

describe('broken inputs', () => {
  for (const target of fuzzTargets(goldenFolder)) {
    it(`are read or refused as a ${target.name}`, async () => {
      for (const seed of target.seeds) {
        // Encrypted blobs cannot be read without their key; all other seeds are sound.
        const isEncrypted = target.name === 'blob' && formatOf(seed)?.endsWith('encrypted') === true;
        assert.equal(await readOne(target, seed), isEncrypted ? 'refused' : 'read');
      }
      const random = new SeededRandom(`test ${target.name}`);
      let refused = 0;
      for (let count = 0; count < INPUTS_PER_TARGET; count += 1) {
        const input = mutate(target, random);
        try {
          if ((await readOne(target, input)) === 'refused') refused += 1;
        } catch (error) {
          assert.fail(`input ${count} (${input.toString('base64').slice(0, 200)}): ${String(error)}`);
        }
      }
      assert.ok(refused > INPUTS_PER_TARGET / 4, `only ${refused} were refused`);
    });
  }
});
