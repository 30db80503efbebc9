import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { fieldBytes, type HeaderField } from '../../../../src/pbs/h2/hpack/header-field.ts';
import { HpackDecoder } from '../../../../src/pbs/h2/hpack/hpack-decoder.ts';
import { HpackEncoder } from '../../../../src/pbs/h2/hpack/hpack-encoder.ts';
import { HpackError } from '../../../../src/pbs/h2/hpack/hpack-error.ts';
import { tableOf } from './blocks.ts';

const latin1 = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((octet) => String.fromCharCode(octet)),
  maxLength: 40,
});

/** Few names and values, so that they come back; and any. */
const field: fc.Arbitrary<HeaderField> = fc.record(
  {
    name: fc.oneof(fc.constantFrom(':path', ':status', 'content-type', 'cookie', 'date', 'x-a', 'x-b'), latin1),
    value: fc.oneof(fc.constantFrom('', '/', '200', 'a', 'b', 'x'.repeat(100)), latin1),
    neverIndexed: fc.constant(true),
  },
  { requiredKeys: ['name', 'value'] },
);

const sizes = fc.array(fc.constantFrom(0, 33, 40, 100, 300, 4096, 10_000), { maxLength: 3 });

/** Between two blocks the peer changes its setting; our end learns of it at once. */
const steps = fc.array(fc.record({ sizes, fields: fc.array(field, { maxLength: 12 }) }), { maxLength: 12 });

describe('what the encoder sends', () => {
  it('arrives, whatever the fields and the changes of the table between blocks', () => {
    fc.assert(
      fc.property(steps, fc.constantFrom(0, 60, 200, 4096, 8192), (steps, ownBytes) => {
        const encoder = new HpackEncoder({ maxTableBytes: ownBytes });
        const decoder = new HpackDecoder();
        for (const { sizes, fields } of steps) {
          for (const bytes of sizes) {
            encoder.setMaxTableBytes(bytes);
            decoder.setMaxTableBytes(bytes);
          }
          const decoded = decoder.decode(encoder.encode(fields));
          assert.equal(decoded.isTooLong, false);
          assert.deepEqual(
            decoded.fields.map(({ name, value }) => [name, value]),
            fields.map(({ name, value }) => [name, value]),
          );
          for (const [index, { neverIndexed }] of fields.entries()) {
            if (neverIndexed) assert.equal(decoded.fields[index]?.neverIndexed, true);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('any octets', () => {
  const blocks = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(field, { maxLength: 5 }).map((fields) => new HpackEncoder().encode(fields)),
    ),
    { minLength: 1, maxLength: 6 },
  );

  it('are decoded within the bounds or refused with an HpackError', () => {
    fc.assert(
      fc.property(blocks, fc.constantFrom(0, 50, 200), fc.constantFrom(200, 1000), (blocks, table, list) => {
        const decoder = new HpackDecoder({ maxTableBytes: table, maxListBytes: list });
        const sum = (fields: readonly HeaderField[]): number =>
          fields.reduce((bytes, field) => bytes + fieldBytes(field), 0);
        try {
          for (const block of blocks) assert.ok(sum(decoder.decode(block).fields) <= list);
        } catch (error) {
          if (!(error instanceof HpackError)) throw error;
        }
        assert.ok(sum(tableOf(decoder)) <= table);
      }),
      { numRuns: 2000 },
    );
  });
});
