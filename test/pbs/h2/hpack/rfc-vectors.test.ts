import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { BlockReader } from '../../../../src/pbs/h2/hpack/block-reader.ts';
import { BlockWriter } from '../../../../src/pbs/h2/hpack/block-writer.ts';
import type { HeaderField } from '../../../../src/pbs/h2/hpack/header-field.ts';
import { HpackDecoder } from '../../../../src/pbs/h2/hpack/hpack-decoder.ts';
import { HpackEncoder } from '../../../../src/pbs/h2/hpack/hpack-encoder.ts';
import { fieldsOf, hex, tableOf } from './blocks.ts';

/** A block of RFC 7541 appendix C with what it says and what the RFC prints of the table behind it. */
interface Vector {
  readonly block: string;
  readonly fields: readonly HeaderField[];
  /** Newest first. */
  readonly table: readonly HeaderField[];
}

const firstRequest = fieldsOf(':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com');
const requests = [
  { fields: firstRequest, table: fieldsOf(':authority: www.example.com') },
  {
    fields: [...firstRequest, ...fieldsOf('cache-control: no-cache')],
    table: fieldsOf('cache-control: no-cache', ':authority: www.example.com'),
  },
  {
    fields: fieldsOf(
      ':method: GET',
      ':scheme: https',
      ':path: /index.html',
      ':authority: www.example.com',
      'custom-key: custom-value',
    ),
    table: fieldsOf('custom-key: custom-value', 'cache-control: no-cache', ':authority: www.example.com'),
  },
];

const date21 = 'date: Mon, 21 Oct 2013 20:13:21 GMT';
const date22 = 'date: Mon, 21 Oct 2013 20:13:22 GMT';
const location = 'location: https://www.example.com';
const cookie = 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const responses = [
  {
    fields: fieldsOf(':status: 302', 'cache-control: private', date21, location),
    table: fieldsOf(location, date21, 'cache-control: private', ':status: 302'),
  },
  {
    fields: fieldsOf(':status: 307', 'cache-control: private', date21, location),
    table: fieldsOf(':status: 307', location, date21, 'cache-control: private'),
  },
  {
    fields: fieldsOf(':status: 200', 'cache-control: private', date22, location, 'content-encoding: gzip', cookie),
    table: fieldsOf(cookie, 'content-encoding: gzip', date22),
  },
];

const withBlocks = (
  cases: readonly Omit<Vector, 'block'>[],
  blocks: readonly [string, string, string],
): readonly Vector[] => cases.map((each, index) => ({ ...each, block: blocks[index] ?? '' }));

const plainRequests = withBlocks(requests, [
  '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
  '8286 84be 5808 6e6f 2d63 6163 6865',
  '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
]);
const huffmanRequests = withBlocks(requests, [
  '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
  '8286 84be 5886 a8eb 1064 9cbf',
  '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
]);
const plainResponses = withBlocks(responses, [
  `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
   2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
  '4803 3330 37c1 c0bf',
  `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
   54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
   5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
]);
const huffmanResponses = withBlocks(responses, [
  `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
   2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
  '4883 640e ffc1 c0bf',
  `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
   77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
   9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
]);

describe('the examples of RFC 7541 appendix C', () => {
  for (const [clause, value, prefixBits, bytes] of [
    ['C.1.1', 10, 5, '0a'],
    ['C.1.2', 1337, 5, '1f9a0a'],
    ['C.1.3', 42, 8, '2a'],
  ] as const) {
    it(`${clause}: the integer ${value}`, () => {
      const writer = new BlockWriter(8);
      writer.integer(value, prefixBits, 0);
      assert.equal(Buffer.from(writer.finish()).toString('hex'), bytes);
      const reader = new BlockReader(hex(bytes));
      assert.equal(reader.integer(prefixBits), value);
      assert.ok(reader.isAtEnd);
    });
  }

  for (const [clause, block, field, isIndexed] of [
    [
      'C.2.1: with incremental indexing',
      '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      { name: 'custom-key', value: 'custom-header' },
      true,
    ],
    ['C.2.2: without indexing', '040c 2f73 616d 706c 652f 7061 7468', { name: ':path', value: '/sample/path' }, false],
    [
      'C.2.3: never indexed',
      '1008 7061 7373 776f 7264 0673 6563 7265 74',
      { name: 'password', value: 'secret', neverIndexed: true },
      false,
    ],
    ['C.2.4: indexed', '82', { name: ':method', value: 'GET' }, false],
  ] as const) {
    it(clause, () => {
      const decoder = new HpackDecoder();
      assert.deepEqual(decoder.decode(hex(block)), { fields: [field], isTooLong: false });
      assert.deepEqual(tableOf(decoder), isIndexed ? [field] : []);
    });
  }

  for (const [clause, maxTableBytes, vectors] of [
    ['C.3: requests without Huffman code', 4096, plainRequests],
    ['C.4: requests with Huffman code', 4096, huffmanRequests],
    ['C.5: responses without Huffman code, with eviction', 256, plainResponses],
    ['C.6: responses with Huffman code, with eviction', 256, huffmanResponses],
  ] as const) {
    it(clause, () => {
      for (const count of [1, 2, 3]) {
        const decoder = new HpackDecoder({ maxTableBytes });
        for (const { block, fields } of vectors.slice(0, count)) {
          assert.deepEqual(decoder.decode(hex(block)), { fields, isTooLong: false });
        }
        assert.deepEqual(tableOf(decoder), vectors[count - 1]?.table);
      }
    });
  }

  it('C.4: are what the encoder makes of these requests', () => {
    const encoder = new HpackEncoder();
    for (const { block, fields } of huffmanRequests) assert.deepEqual(encoder.encode(fields), hex(block));
  });
});
