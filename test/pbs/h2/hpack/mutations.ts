import { isDeepStrictEqual } from 'node:util';

import { fieldBytes, type HeaderField } from '../../../../src/pbs/h2/hpack/header-field.ts';
import { HpackDecoder, type DecodedBlock } from '../../../../src/pbs/h2/hpack/hpack-decoder.ts';
import { HpackEncoder } from '../../../../src/pbs/h2/hpack/hpack-encoder.ts';
import { HpackError } from '../../../../src/pbs/h2/hpack/hpack-error.ts';
import type { FuzzTarget } from '../../format/mutations.ts';
import { fieldsOf, hex, tableOf } from './blocks.ts';

/** Small, so that mutations reach them. */
const MAX_LIST_BYTES = 1024;
const MAX_TABLE_BYTES = 512;

const lists: readonly (readonly HeaderField[])[] = [
  fieldsOf(':method: GET', ':scheme: https', ':path: /chunk?digest=00ff', ':authority: localhost:8007'),
  fieldsOf(':method: GET', ':path: /speedtest', 'user-agent: restorelab', 'accept: */*', 'x-empty: '),
  fieldsOf(':status: 200', 'content-type: application/octet-stream', 'content-length: 4194316', 'server: a'),
  fieldsOf(':status: 404', 'content-type: text/plain; charset=utf-8', 'set-cookie: PBSAuthCookie=secret; Secure'),
  [{ name: 'x-octets', value: String.fromCharCode(...Array.from({ length: 256 }, (_, octet) => octet)) }],
];

/** Joins the blocks of a connection; as an index it is out of range, so no sound block has it. */
const BETWEEN_BLOCKS = '\u{ff}\u{ff}\u{ff}\u{ff}';

/** Header blocks alone and as the sequence of a connection. */
export function hpackFuzzTargets(): readonly FuzzTarget[] {
  const encoder = new HpackEncoder({ maxTableBytes: MAX_TABLE_BYTES });
  const blocks = [...lists, ...lists].map((list) => encoder.encode(list));
  const plain = hex('400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65 3f e11f 20 be 1f0f 0161');
  return [
    {
      name: 'header block',
      weight: 3,
      // The first begins with a size update, which all others take as given.
      seeds: [...blocks, plain],
      refusal: HpackError,
      read: (input) => {
        expectSound(primedDecoder().decode(input));
      },
    },
    {
      name: 'connection of header blocks',
      weight: 1,
      seeds: [Buffer.from(blocks.map((block) => Buffer.from(block).toString('latin1')).join(BETWEEN_BLOCKS), 'latin1')],
      refusal: HpackError,
      read: (input) => {
        const decoder = primedDecoder();
        let refusal: unknown;
        for (const block of Buffer.from(input).toString('latin1').split(BETWEEN_BLOCKS)) {
          try {
            expectSound(decoder.decode(Buffer.from(block, 'latin1')));
          } catch (error) {
            // A real connection ends here. What comes next must be bounded all the same, and reaches further in.
            if (!(error instanceof HpackError)) throw error;
            refusal ??= error;
          }
        }
        const bytes = tableOf(decoder).reduce((sum, field) => sum + fieldBytes(field), 0);
        if (bytes > MAX_TABLE_BYTES) throw new Error(`${bytes} bytes in a table of ${MAX_TABLE_BYTES}`);
        if (refusal !== undefined) throw refusal;
      },
    },
  ];
}

/** One whose table has fields to refer to. */
function primedDecoder(): HpackDecoder {
  const decoder = new HpackDecoder({ maxTableBytes: MAX_TABLE_BYTES, maxListBytes: MAX_LIST_BYTES });
  decoder.decode(hex('4001 6101 62 4001 6301 64 5886 a8eb 1064 9cbf'));
  return decoder;
}

function expectSound({ fields, isTooLong }: DecodedBlock): void {
  const bytes = fields.reduce((sum, field) => sum + fieldBytes(field), 0);
  if (bytes > MAX_LIST_BYTES) throw new Error(`${bytes} bytes in a list of ${MAX_LIST_BYTES}`);
  if (isTooLong) return;
  const again = new HpackDecoder({ maxListBytes: MAX_LIST_BYTES }).decode(new HpackEncoder().encode(fields));
  const text = (list: readonly HeaderField[]): readonly string[] => list.flatMap(({ name, value }) => [name, value]);
  if (!isDeepStrictEqual(text(again.fields), text(fields))) throw new Error('the fields do not come back');
}
