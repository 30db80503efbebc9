/** First 8 bytes of each file format, as hex: the start of the SHA-256 of an ASCII sentence (spec 6.1). */
export const magics = {
  plain: '42ab3807be8370a1',
  zstd: '31b958426fb6a37f',
  encrypted: '7b6785be222d4cf0',
  'zstd-encrypted': 'e6591bbf0bbfd80b',
  fixedIndex: '2f7f41ed91fd0fcd',
  dynamicIndex: '1c914ea519bab3cd',
} as const;

export type FormatName = keyof typeof magics;

/** Bytes of every magic. */
export const MAGIC_BYTES = 8;

const formats: ReadonlyMap<string, FormatName> = new Map(
  Object.entries(magics).map(([name, hex]) => [hex, name as FormatName]),
);

/** Which format the bytes begin with; undefined for anything else, too few bytes included. */
export function formatOf(bytes: Uint8Array): FormatName | undefined {
  if (bytes.length < MAGIC_BYTES) return undefined;
  return formats.get(Buffer.from(bytes.buffer, bytes.byteOffset, MAGIC_BYTES).toString('hex'));
}

/** The magic of a format, fresh bytes. */
export const magicBytes = (name: FormatName): Buffer => Buffer.from(magics[name], 'hex');
