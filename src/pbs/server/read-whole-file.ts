import { open } from 'node:fs/promises';

/**
 * The bytes of a file with as few trips to the thread pool as there can be; `readFile` makes one for each 512 KiB.
 * @param allocate memory of the given length
 */
export async function readWholeFile(path: string, allocate: (length: number) => Buffer): Promise<Uint8Array> {
  await using file = await open(path);
  const { size } = await file.stat();
  const bytes = allocate(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(bytes, filled, size - filled);
    if (bytesRead === 0) return bytes.subarray(0, filled);
    filled += bytesRead;
  }
  return bytes;
}
