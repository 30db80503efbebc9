import { crc32 } from 'node:zlib';

import { slotAt, slotLength, slotStart } from '../model/image.ts';
import type { ExpectedImage } from './target.ts';

/** One write as the target saw it; without a checksum it was a run of zeros. */
export interface RecordedWrite {
  readonly offset: number;
  readonly length: number;
  readonly crc32?: number;
}

/** The first few tell what went wrong; a swapped image of 1 TiB would give 262144. */
const LISTED_PROBLEMS = 10;

/**
 * What keeps a set of writes from having made the image: gaps, bytes written twice or beyond the end, and bytes whose
 * CRC-32 is not that of their place. Data must have been written slot by slot; a run of zeros may span slots. The order
 * of the writes does not matter. Empty when they made exactly the image.
 */
export function listCoverageProblems(writes: readonly RecordedWrite[], expected: ExpectedImage): string[] {
  return [...listGapsAndOverlaps(writes, expected.size), ...listWrongBytes(writes, expected)];
}

/** The part of {@link listCoverageProblems} that needs no checksums. */
export function listGapsAndOverlaps(writes: readonly RecordedWrite[], size: number): string[] {
  const problems: string[] = [];
  const gap = (start: number, end: number): void => {
    if (end > start) problems.push(`nothing was written at offset ${start} (${end - start} bytes)`);
  };
  let coveredTo = 0;
  for (const { offset, length } of writes.toSorted((a, b) => a.offset - b.offset)) {
    const end = offset + length;
    if (!isInside(offset, length, size)) {
      problems.push(outsideOfImage(offset, length, size));
      continue;
    }
    gap(coveredTo, offset);
    const twice = Math.min(end, coveredTo) - offset;
    if (twice > 0) problems.push(`${twice} bytes at offset ${offset} were written twice`);
    coveredTo = Math.max(coveredTo, end);
  }
  gap(coveredTo, size);
  return problems;
}

export function isInside(offset: number, length: number, size: number): boolean {
  return Number.isSafeInteger(offset) && offset >= 0 && offset + length <= size;
}

export function outsideOfImage(offset: number, length: number, size: number): string {
  return `${length} bytes at offset ${offset} are outside of the image of ${size} bytes`;
}

function listWrongBytes(writes: readonly RecordedWrite[], expected: ExpectedImage): string[] {
  return writes
    .filter(({ offset, length }) => isInside(offset, length, expected.size))
    .flatMap((write) => (write.crc32 === undefined ? wrongZeroes(write, expected) : wrongData(write, expected)));
}

/** The first few problems, and how many more there were. */
export function shortenProblems(problems: readonly string[]): string[] {
  if (problems.length <= LISTED_PROBLEMS) return [...problems];
  return [...problems.slice(0, LISTED_PROBLEMS), `and ${problems.length - LISTED_PROBLEMS} more`];
}

function wrongData({ offset, length, crc32: seen }: RecordedWrite, expected: ExpectedImage): string[] {
  const slot = slotAt(expected, offset);
  if (slotStart(expected, slot) !== offset || length !== slotLength(expected, slot)) {
    return [`${length} bytes at offset ${offset} do not fill a chunk of the image`];
  }
  return seen === expected.slotChecksums[slot] ? [] : [`wrong bytes at offset ${offset} (${length} bytes)`];
}

function wrongZeroes({ offset, length }: RecordedWrite, expected: ExpectedImage): string[] {
  const problems: string[] = [];
  const first = slotAt(expected, offset);
  for (let slot = first; slotStart(expected, slot) < offset + length; slot += 1) {
    const start = slotStart(expected, slot);
    const bytes = slotLength(expected, slot);
    if (start < offset || start + bytes > offset + length) {
      problems.push(`zeros at offset ${Math.max(start, offset)} do not fill a chunk of the image`);
    } else if (expected.slotChecksums[slot] !== zeroChecksum(bytes)) {
      problems.push(`zeros at offset ${start} (${bytes} bytes) where the image has other bytes`);
    }
  }
  return problems;
}

const zeroChecksums: Map<number, number> = new Map();

/** CRC-32 of so many zeros. */
function zeroChecksum(length: number): number {
  let checksum = zeroChecksums.get(length);
  if (checksum === undefined) {
    checksum = crc32(new Uint8Array(length));
    zeroChecksums.set(length, checksum);
  }
  return checksum;
}
