import { DEFAULT_CHUNK_SIZE } from '../model/units.ts';
import type { Primitive } from './primitive.ts';
import { inTurn, RECORD_BYTES } from './shared-material.ts';

/** As the receive path copies: from the one small buffer that TLS fills, piece by piece, into the chunk's own. */
export const copyReceived: Primitive = {
  what: 'copy of 16 KiB pieces into a chunk',
  unit: 'bytes',
  unitsPerCall: DEFAULT_CHUNK_SIZE,
  open({ material, index }) {
    const nextSlab = inTurn(material.slabs, index);
    const record = Buffer.alloc(RECORD_BYTES, 1);
    return {
      isAsync: false,
      run: () => {
        const slab = nextSlab();
        for (let offset = 0; offset < slab.length; offset += RECORD_BYTES) slab.set(record, offset);
      },
    };
  },
};

export const copyChunk: Primitive = {
  what: 'copy of a whole chunk',
  unit: 'bytes',
  unitsPerCall: DEFAULT_CHUNK_SIZE,
  open({ material, index }) {
    const nextSlab = inTurn(material.slabs, index);
    // The threads' starts are apart, so that no two copy from or to the same one at once as long as there are enough.
    const nextSource = inTurn(material.slabs, index + material.slabs.length / 2);
    return { isAsync: false, run: () => nextSlab().set(nextSource()) };
  },
};
