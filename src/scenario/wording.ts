/** Longest piece of a file that is repeated inside a message. */
const LONGEST_QUOTE = 60;

/** A value from a file, short enough and harmless to print. */
export function quote(value: string): string {
  const clean = printable(value);
  return `\`${clean.length > LONGEST_QUOTE ? `${clean.slice(0, LONGEST_QUOTE)}...` : clean}\``;
}

/** Control characters of a hostile or broken file must not reach the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}|[\u202A-\u202E\u2066-\u2069]/gu, (character) => {
    if (character === '\t') return ' ';
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
}

/** What kind of thing a YAML value is, in words of a person who writes one. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'string') return value === '' ? 'an empty text' : quote(value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return `\`${String(value)}\``;
  return Array.isArray(value) ? 'a list' : 'a group of keys';
}
