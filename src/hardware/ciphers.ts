import { createDecipheriv } from 'node:crypto';

import { freeBytes } from '../memory/free-bytes.ts';
import { DEFAULT_CHUNK_SIZE, KiB, MB } from '../model/units.ts';
import type { Primitive } from './primitive.ts';
import { inTurn } from './shared-material.ts';

/**
 * Node returns plain bytes in new memory only. Pieces of this size that are given back at once come from the same warm
 * memory again; those of 4 MiB cost a page fault for each page, which is not what the cipher costs.
 */
const PIECE_BYTES = 32 * KiB;

/** Of 96 bits, as TLS 1.3 has them (RFC 8446, 5.3). */
const IV_BYTES = 12;

function aesGcm(bits: 128 | 256, pbsBytesPerSecond?: number): Primitive {
  return {
    what: `AES-${bits}-GCM, decrypting`,
    unit: 'bytes',
    unitsPerCall: DEFAULT_CHUNK_SIZE,
    ...(pbsBytesPerSecond === undefined ? {} : { pbsBytesPerSecond }),
    open({ material, index }) {
      const nextSlab = inTurn(material.slabs, index);
      const key = Buffer.alloc(bits / 8, 1);
      const iv = Buffer.alloc(IV_BYTES);
      return {
        isAsync: false,
        run: () => {
          const slab = nextSlab();
          const decipher = createDecipheriv(`aes-${bits}-gcm`, key, iv);
          for (let start = 0; start < slab.length; start += PIECE_BYTES) {
            freeBytes(decipher.update(slab.subarray(start, start + PIECE_BYTES)));
          }
        },
      };
    },
  };
}

export const aes256Gcm: Primitive = aesGcm(256, 3645 * MB);
export const aes128Gcm: Primitive = aesGcm(128);
