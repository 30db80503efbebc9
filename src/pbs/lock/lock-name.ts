import { hash } from 'node:crypto';

/** Longer names get no room for what a lock's file has behind them. */
const MAX_NAME_LENGTH = 160;
const KEPT_LENGTH = 80;

/**
 * The name of a lock's file, in which PBS writes `vm/100/2025-08-12T10:00:00Z` as
 * `vm-100-2025\x2d08\x2d12T10\x3a00\x3a00Z` (spec 8.1). Different paths have different names.
 */
export function lockName(path: string): string {
  const name = [...Buffer.from(path)].map((byte) => escaped(String.fromCharCode(byte), byte)).join('');
  if (name.length <= MAX_NAME_LENGTH) return name;
  return `${name.slice(0, KEPT_LENGTH)}...${hash('sha256', path, 'hex')}`;
}

function escaped(letter: string, byte: number): string {
  if (letter === '/') return '-';
  return /[A-Za-z0-9_.]/u.test(letter) ? letter : String.raw`\x${byte.toString(16).padStart(2, '0')}`;
}
