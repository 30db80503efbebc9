import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { SeededRandom } from '../../../src/material/seeded-random.ts';
import { mutate, readOne } from '../format/mutations.ts';
import { connectionFuzzTargets } from './fuzz-connections.ts';

/** A small share of what scripts/fuzz-h2.ts does: some 10,000 frames for each end. */
const INPUTS_PER_TARGET = 300;

describe('connections that are fed right, changed and random frames', () => {
  for (const target of connectionFuzzTargets()) {
    it(`read or refuse ${target.name}`, async () => {
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
      assert.ok(refused > INPUTS_PER_TARGET * 0.1 && refused < INPUTS_PER_TARGET * 0.9, `${refused} were refused`);
    });
  }
});
