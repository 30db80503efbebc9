import { stripVTControlCharacters } from 'node:util';

/** A line as its program wrote it: without terminal controls, marks of quotation (`> `) and odd blanks. */
export function cleanLine(line: string): string {
  return stripVTControlCharacters(line)
    .replaceAll(/[\t\p{Zs}]/gu, ' ')
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, '')
    .replace(/^(?: {0,3}>){1,32} ?/u, '')
    .trimEnd();
}
