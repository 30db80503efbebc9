import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { MAX_OPERATIONS } from '../../src/logs/logged-operation.ts';
import { parseLog } from './logs.ts';

const summary = 'restore image complete (bytes=4294967296, duration=13.04s, speed=314.21MB/s)';

/** Parts of known lines, which random text never hits. */
const fragments = [
  summary,
  'restore complete (',
  '48 MiB processed in ',
  '<0.1s, average 1 MiB/s)',
  'progress 1% (read 1 bytes, zeroes = 1% (2 bytes), duration 0 sec)',
  'total bytes read 1, sparse bytes 2 (',
  'a.img: had to backup 1 MiB of 2 MiB (compressed 3 B) in 0.00 s (average 4 KiB/s)',
  'backup was done incrementally, reused 1 B (100%)',
  'transferred 0.00 GiB in 0 seconds (0 B/s)',
  'backup is sparse: 1 GiB (1%) total zero data',
  '"tls":{"speed":1e9,"top":0}',
  '"sha256": {"speed": 0}',
  'TLS speed: 1.00 MB/s',
  'Uploaded 0 chunks in 0 seconds',
  'Time per request: 0 microseconds',
  '99999999999999999999',
  '\n',
  '\r',
  ' ',
  '> ',
  '\u001B[',
  '\0',
  '\uFEFF',
];

await describe('a hostile log', async () => {
  test('of any bytes is read to its end, and every figure in the result is finite or has a reason', () => {
    const text = fc.array(fc.oneof(fc.constantFrom(...fragments), fc.string({ maxLength: 8 })), { maxLength: 40 });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), text), (input) => {
        const { operations } = parseLog(input instanceof Uint8Array ? input : input.join(''));
        for (const { rates, printed, bytes, durationMs } of operations) {
          for (const rate of Object.values(rates)) {
            if ('unavailable' in rate) assert.notEqual(rate.unavailable, '');
            else assert.ok([rate.bytesPerSecond, ...rate.interval].every(Number.isFinite));
          }
          for (const figure of [...printed, ...Object.values(bytes), durationMs])
            if (figure !== undefined) assert.ok([figure.value, figure.low, figure.high].every(Number.isFinite));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('with a line of 64 MiB is read in the memory of its beginning, and the next line is found', () => {
    const piece = Buffer.alloc(1024 ** 2, 'restore image complete (bytes=1 ');
    const { operations, longLines } = parseLog(...Array.from({ length: 64 }, () => piece), `\n${summary}\n`);
    assert.equal(operations.length, 1);
    assert.equal(longLines, 1);
  });

  test('of binary data, or of UTF-16, is no trouble', () => {
    const binary = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7919) & 255));
    assert.equal(parseLog(binary).operations.length, 0);
    assert.equal(parseLog(Buffer.from(`\uFEFF${summary}\r\n`, 'utf16le')).operations.length, 1);
  });

  test('of more operations than anybody reads keeps the first ones and counts the others', () => {
    const { operations, leftOut } = parseLog(`${summary}\n`.repeat(MAX_OPERATIONS + 7));
    assert.equal(operations.length, MAX_OPERATIONS);
    assert.equal(leftOut, 7);
  });
});
