import { open } from 'node:fs/promises';

/** A file that is longer than any of its kind can be, so that memory is never taken for what a disk happens to hold. */
export class FileTooLong extends Error {
  constructor(bytes: number, maxBytes: number) {
    super(`file too large (${bytes} bytes, at most ${maxBytes} expected)`);
    this.name = 'FileTooLong';
  }
}

/**
 * The bytes of a file with as few trips to the thread pool as there can be; `readFile` makes one for each 512 KiB.
 * @param allocate memory of the given length
 * @throws FileTooLong above `maxBytes`, before anything is allocated
 */
export async function readWholeFile(
  path: string,
  maxBytes: number,
  allocate: (length: number) => Buffer = (length) => Buffer.allocUnsafeSlow(length),
): Promise<Uint8Array> {
  await using file = await open(path);
  const { size } = await file.stat();
  if (size > maxBytes) throw new FileTooLong(size, maxBytes);
  const bytes = allocate(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(bytes, filled, size - filled);
    if (bytesRead === 0) return bytes.subarray(0, filled);
    filled += bytesRead;
  }
  return bytes;
}
