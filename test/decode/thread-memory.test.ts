import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { encryptions } from '../../src/decode/decode-chunk.ts';
import { Bell, newThreadMemory, PLACES, replies, ThreadMemory } from '../../src/decode/thread-memory.ts';

/** The two ends of one memory, as two threads have them. */
function ends(): { readonly main: ThreadMemory; readonly thread: ThreadMemory } {
  const shared = newThreadMemory();
  return { main: new ThreadMemory(shared), thread: new ThreadMemory(shared) };
}

test('words arrive in order, one for each place at a time, however often the ring goes round', () => {
  const { main, thread } = ends();
  assert.equal(thread.requests.take(), undefined);
  for (let round = 0; round < 9; round += 1) {
    for (let place = 0; place < PLACES; place += 1) main.requests.put({ place, kind: (place + round) % 4 });
    for (let place = 0; place < PLACES; place += 1)
      assert.deepEqual(thread.requests.take(), { place, kind: (place + round) % 4 });
    assert.equal(thread.requests.take(), undefined);
  }
  thread.replies.put({ place: 3, kind: replies.failed });
  assert.deepEqual(main.replies.take(), { place: 3, kind: replies.failed });
  assert.equal(thread.requests.take(), undefined, 'replies do not touch requests');
});

test('what is said about a chunk arrives as it was said, beside that about its neighbours', () => {
  const record = <Value>(model: { [Name in keyof Value]: fc.Arbitrary<Value[Name]> }): fc.Arbitrary<Value> =>
    fc.record<Value>(model, { noNullPrototype: true });
  const natural = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
  const time = fc.double({ min: 0, max: 1e12, noNaN: true });
  const chunk = record({
    place: natural(PLACES - 1),
    decode: record({
      slab: natural(2 ** 31 - 1),
      encodedBytes: natural(2 ** 24 + 44),
      expected: fc
        .tuple(
          record({
            length: natural(2 ** 24),
            digest: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
          }),
          fc.constantFrom(undefined, ...encryptions),
        )
        .map(([chunk, encryption]) => ({ ...chunk, ...(encryption === undefined ? {} : { encryption }) })),
    }),
    decoded: record({ isInSlab: fc.boolean(), startedMs: time, endedMs: time, pausedMs: time }),
    write: record({
      sink: fc.oneof(
        fc.constant({ kind: 'checksum' as const }),
        natural(2 ** 20).map((fd) => ({ kind: 'file' as const, fd })),
      ),
      offset: natural(Number.MAX_SAFE_INTEGER),
    }),
    written: record({ crc32: natural(2 ** 32 - 1), startedMs: time, endedMs: time, cpuMs: time }),
  });
  const { main, thread } = ends();
  fc.assert(
    fc.property(fc.uniqueArray(chunk, { selector: ({ place }) => place, maxLength: 5 }), (chunks) => {
      for (const { place, decode } of chunks) main.putDecode(place, decode);
      for (const { place, decode } of chunks) assert.deepEqual(thread.decodeRequest(place), decode);
      for (const { place, decoded } of chunks) thread.putDecoded(place, decoded);
      for (const { place, decoded } of chunks) assert.deepEqual(main.decodeReply(place), decoded);
      for (const { place, write } of chunks) main.putWrite(place, write);
      for (const { place, write } of chunks) assert.deepEqual(thread.writeRequest(place), write);
      for (const { place, write, decode, written } of chunks) {
        const { crc32, ...times } = written;
        const receipt = {
          offset: write.offset,
          length: decode.expected.length,
          ...times,
          ...(write.sink.kind === 'checksum' ? { crc32 } : {}),
        };
        thread.putWritten(place, receipt);
        assert.deepEqual(main.receipt(place), receipt);
      }
    }),
  );
});

test('a bell that rang before it was listened to is not missed', async () => {
  const bell = new Bell();
  const { rung } = bell;
  new Bell(bell.shared).ring();
  await bell.rungMoreThan(rung);
  const next = bell.rungMoreThan(bell.rung);
  // The wait itself keeps no process alive.
  const alive = setTimeout(() => {}, 10_000);
  new Bell(bell.shared).ring();
  await next;
  clearTimeout(alive);
});
