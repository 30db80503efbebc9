import { closeSync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { DEFAULT_CHUNK_SIZE, MiB } from '../model/units.ts';
import type { Primitive } from './primitive.ts';
import { inTurn } from './shared-material.ts';

/** What all threads together may write in a round: it has to fit into memory where the folder is a tmpfs. */
const FILE_BYTES: number = 256 * MiB;

/**
 * Chunks written to their places in a new file, as a restore does. Every round starts with an empty file: filling new
 * pages costs several times what overwriting does. Nothing is flushed, so this is the page cache and the file system,
 * not the disk.
 */
export const fileWrite: Primitive = {
  what: 'positioned write to a new file',
  unit: 'bytes',
  unitsPerCall: DEFAULT_CHUNK_SIZE,
  open({ material, index, threads, folder }) {
    const path = join(folder, `restorelab-hardware-${crypto.randomUUID()}.tmp`);
    const fd = openSync(path, 'wx', 0o600);
    // Nothing is left over, whatever becomes of this process.
    unlinkSync(path);
    const nextSlab = inTurn(material.slabs, index);
    let offset = 0;
    const empty = (): void => {
      offset = 0;
      ftruncateSync(fd);
    };
    return {
      isAsync: false,
      maxCalls: Math.max(1, Math.floor(FILE_BYTES / threads / DEFAULT_CHUNK_SIZE)),
      begin: empty,
      run: () => {
        const slab = nextSlab();
        for (let done = 0; done < slab.length;) done += writeSync(fd, slab, done, slab.length - done, offset + done);
        offset += slab.length;
      },
      end: empty,
      close: () => closeSync(fd),
    };
  },
};
