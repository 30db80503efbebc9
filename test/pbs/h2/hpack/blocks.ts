import type { HeaderField } from '../../../../src/pbs/h2/hpack/header-field.ts';

/** Octets of a dump, blanks ignored. */
export const hex = (dump: string): Buffer => Buffer.from(dump.replaceAll(/\s/gu, ''), 'hex');

/** Fields from `name: value`; the name of a pseudo-header begins with a colon. */
export const fieldsOf = (...lines: readonly string[]): readonly HeaderField[] =>
  lines.map((line) => {
    const end = line.indexOf(': ', 1);
    return { name: line.slice(0, end), value: line.slice(end + 2) };
  });
