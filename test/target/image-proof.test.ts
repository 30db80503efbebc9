import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';

import * as fc from 'fast-check';

import { ImageProof } from '../../src/target/image-proof.ts';
import type { ExpectedImage, IndexedImage, ProofOutcome } from '../../src/target/target.ts';

const CHUNK = 4096;

function expectedOf(image: Buffer, { withHash }: { readonly withHash: boolean }): ExpectedImage {
  const slots = Array.from({ length: Math.ceil(image.length / CHUNK) }, (_, slot) =>
    crc32(image.subarray(slot * CHUNK, (slot + 1) * CHUNK)),
  );
  const sha256 = createHash('sha256').update(image).digest('hex');
  return {
    size: image.length,
    chunkSize: CHUNK,
    slotChecksums: Uint32Array.from(slots),
    ...(withHash ? { sha256 } : {}),
  };
}

/** The same image as only its index describes it. */
function indexOf(image: Buffer): IndexedImage {
  const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  return {
    size: image.length,
    chunkSize: CHUNK,
    matches: (slot, bytes) => sha256(bytes) === sha256(image.subarray(slot * CHUNK, (slot + 1) * CHUNK)),
  };
}

const forms = [
  ['by hash', 'sha256-of-stdout', (image) => expectedOf(image, { withHash: true })],
  ['chunk by chunk', 'crc32-per-chunk', (image) => expectedOf(image, { withHash: false })],
  ['by digests', 'sha256-per-chunk', indexOf],
] as const satisfies readonly (readonly [string, string, (image: Buffer) => ExpectedImage | IndexedImage])[];

function prove(expected: ExpectedImage | IndexedImage, bytes: Buffer, lengths: readonly number[]): ProofOutcome {
  const proof = new ImageProof(expected);
  let start = 0;
  for (let turn = 0; start < bytes.length; turn += 1) {
    const length = lengths[turn % lengths.length] ?? 1;
    proof.push(bytes.subarray(start, start + length));
    start += length;
  }
  return proof.outcome('sha256-of-stdout');
}

await describe('the proof of an image that comes as a stream', async () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 3 * CHUNK }), { minLength: 1, maxLength: 8 });
  const size = fc.integer({ min: 1, max: 5 * CHUNK });

  for (const [how, method, describeImage] of forms) {
    test(`holds for the right bytes in any pieces, ${how}`, () => {
      fc.assert(
        fc.property(size, lengths, (length, pieces) => {
          const image = randomBytes(length);
          const outcome = prove(describeImage(image), image, pieces);
          assert.deepEqual([outcome.verified, outcome.proof.problems], [true, []]);
          assert.equal(outcome.proof.method, method);
        }),
        { numRuns: 50 },
      );
    });

    test(`fails for one byte that differs, is missing or is too many, ${how}`, () => {
      fc.assert(
        fc.property(size, lengths, fc.nat(), fc.constantFrom('flip', 'cut', 'add'), (length, pieces, at, change) => {
          const image = randomBytes(length);
          const wrong = Buffer.from(image);
          if (change === 'flip') wrong.writeUInt8(wrong.readUInt8(at % length) ^ 1, at % length);
          const bytes =
            change === 'cut'
              ? wrong.subarray(0, -1)
              : change === 'add'
                ? Buffer.concat([wrong, wrong.subarray(0, 1)])
                : wrong;
          const outcome = prove(describeImage(image), bytes, pieces);
          assert.equal(outcome.verified, false);
          assert.ok(outcome.proof.problems.length > 0);
        }),
        { numRuns: 50 },
      );
    });
  }
});
