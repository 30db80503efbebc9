import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { SeededRandom } from '../../../../src/material/seeded-random.ts';
import { mutate, readOne } from '../../format/mutations.ts';
import { hpackFuzzTargets } from './mutations.ts';

/** A small share of what scripts/fuzz-h2.ts does. */
const INPUTS_PER_TARGET = 5000;

describe('broken inputs', () => {
  for (const target of hpackFuzzTargets()) {
    it(`are read or refused as a ${target.name}`, async () => {
      const random = new SeededRandom(`test ${target.name}`);
      let refused = 0;
      for (let count = 0; count < INPUTS_PER_TARGET; count += 1) {
        const input = mutate(target, random);
        try {
          if ((await readOne(target, input)) === 'refused') refused += 1;
        } catch (error) {
          assert.fail(`input ${count} (${input.toString('base64')}): ${String(error)}`);
        }
      }
      assert.ok(refused > INPUTS_PER_TARGET * 0.25 && refused < INPUTS_PER_TARGET * 0.99, `${refused} were refused`);
    });
  }
});
