// Header blocks of RFC 7541, written without Huffman codes, indexes or a dynamic table: what any decoder must read.

export type Field = readonly [name: string, value: string];

/** An integer in the low `bits` bits of the first byte, whose high ones are `pattern` (RFC 7541 section 5.1). */
export function hpackInteger(value: number, bits: number, pattern = 0): Buffer {
  const limit = 2 ** bits - 1;
  if (value < limit) return Buffer.of(pattern | value);
  const bytes = [pattern | limit];
  let rest = value - limit;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push(0x80 | (rest % 128));
  return Buffer.from([...bytes, rest]);
}

/** A string without Huffman coding (RFC 7541 section 5.2). */
export const hpackString = (value: string): Buffer =>
  Buffer.concat([hpackInteger(Buffer.byteLength(value, 'latin1'), 7), Buffer.from(value, 'latin1')]);

/** A literal with a new name, never to be indexed (RFC 7541 section 6.2.3). */
const literal = ([name, value]: Field): Buffer =>
  Buffer.concat([Buffer.of(0x10), hpackString(name), hpackString(value)]);

/** A literal that enters the dynamic table (RFC 7541 section 6.2.1). */
export const indexedLiteral = ([name, value]: Field): Buffer =>
  Buffer.concat([Buffer.of(0x40), hpackString(name), hpackString(value)]);

/** RFC 7541 section 6.3. */
export const tableSizeUpdate = (size: number): Buffer => hpackInteger(size, 5, 0x20);

export const headerBlock = (...fields: readonly Field[]): Buffer => Buffer.concat(fields.map(literal));

/** The pseudo fields of a request, in order. */
export const requestFields = (path = '/', method = 'GET'): readonly Field[] => [
  [':method', method],
  [':scheme', 'https'],
  [':path', path],
  [':authority', 'localhost'],
];

/** The header block of a whole request. */
export const request = (path = '/', ...more: readonly Field[]): Buffer => headerBlock(...requestFields(path), ...more);

/** The header block of a request that a body follows. */
export const post = (...more: readonly Field[]): Buffer => headerBlock(...requestFields('/', 'POST'), ...more);

/** The header block of a response. */
export const response = (status: number, ...more: readonly Field[]): Buffer =>
  headerBlock([':status', String(status)], ...more);
