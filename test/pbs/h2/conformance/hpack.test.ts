// RFC 7541: header blocks that cannot be decoded.
import { headers } from '../frames.ts';
import { headerBlock, request, tableSizeUpdate } from '../header-block.ts';
import { connectionError, testConformance, type ConformanceCase } from './cases.ts';

const block = request();

/** `x-test` with Huffman codes, as the name of a literal without indexing. */
const xTest = Buffer.of(0x00, 0x85, 0xf2, 0xb2, 0x4a, 0x84, 0xff);

const rows: readonly (readonly [
  h2spec: string,
  section: string,
  name: string,
  before: Uint8Array,
  behind: Uint8Array,
])[] = [
  ['2.3.3/1', '2.3.3', 'an index beyond both tables', Buffer.of(), Buffer.of(0xc6)],
  ['4.2/1', '4.2', 'a table size update at the end of a block', Buffer.of(), tableSizeUpdate(1)],
  ['5.2/1', '5.2', 'Huffman padding of more than 7 bits', xTest, Buffer.of(0x84, 0x49, 0x50, 0x9f, 0xff)],
  ['5.2/2', '5.2', 'Huffman padding with zeros', xTest, Buffer.of(0x83, 0x49, 0x50, 0x90)],
  ['5.2/3', '5.2', 'the Huffman code of EOS', xTest, Buffer.of(0x87, 0xff, 0xff, 0xff, 0xfd, 0x25, 0x42, 0x7f)],
  ['6.1/1', '6.1', 'index 0', Buffer.of(), Buffer.of(0x80)],
];

testConformance('HPACK', [
  ...rows.map(([id, section, name, first, second]): ConformanceCase => ({
    h2spec: `hpack/${id}`,
    clause: `RFC 7541 ${section}`,
    name,
    send: [headers(1, Buffer.concat([block, first, second]))],
    expect: connectionError('compressionError'),
  })),
  {
    h2spec: 'hpack/6.3/1',
    clause: 'RFC 7541 6.3',
    name: 'a table size update above SETTINGS_HEADER_TABLE_SIZE',
    send: [headers(1, Buffer.concat([tableSizeUpdate(4097), headerBlock([':method', 'GET'])]))],
    expect: connectionError('compressionError'),
  },
]);
