import type { HeaderField } from '../../../../src/pbs/h2/hpack/header-field.ts';
import type { HpackDecoder } from '../../../../src/pbs/h2/hpack/hpack-decoder.ts';
import { HpackError } from '../../../../src/pbs/h2/hpack/hpack-error.ts';

/** Octets of a dump, blanks ignored. */
export const hex = (dump: string): Buffer => Buffer.from(dump.replaceAll(/\s/gu, ''), 'hex');

/** Fields from `name: value`; the name of a pseudo-header begins with a colon. */
export const fieldsOf = (...lines: readonly string[]): readonly HeaderField[] =>
  lines.map((line) => {
    const end = line.indexOf(': ', 1);
    return { name: line.slice(0, end), value: line.slice(end + 2) };
  });

/** Index of the newest field of a dynamic table, behind the static one. */
const FIRST_DYNAMIC_INDEX = 62;

/** More would need longer indexes; no test here puts in so many. */
const MAX_FIELDS = 64;

/** The dynamic table, newest first, as indexed fields tell it; leaves it as it is. */
export function tableOf(decoder: HpackDecoder): readonly HeaderField[] {
  const table: HeaderField[] = [];
  try {
    for (let position = 0; position <= MAX_FIELDS; position += 1) {
      const { fields, isTooLong } = decoder.decode(Uint8Array.of(0x80 | (FIRST_DYNAMIC_INDEX + position)));
      if (isTooLong) throw new Error('the decoder takes no list that is long enough for a field of its table');
      table.push(...fields);
    }
  } catch (error) {
    if (!(error instanceof HpackError)) throw error;
    return table;
  }
  throw new Error(`the table has more than ${MAX_FIELDS} fields`);
}
