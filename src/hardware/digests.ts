import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

import { DEFAULT_CHUNK_SIZE, MB } from '../model/units.ts';
import type { Primitive } from './primitive.ts';
import { inTurn } from './shared-material.ts';

export const sha256: Primitive = {
  what: 'SHA-256 of a chunk',
  unit: 'bytes',
  unitsPerCall: DEFAULT_CHUNK_SIZE,
  pbsBytesPerSecond: 2022 * MB,
  open({ material, index }) {
    const nextSlab = inTurn(material.slabs, index);
    return { isAsync: false, run: () => void hash('sha256', nextSlab(), 'hex') };
  },
};

export const crc: Primitive = {
  what: 'CRC-32 of a chunk',
  unit: 'bytes',
  unitsPerCall: DEFAULT_CHUNK_SIZE,
  open({ material, index }) {
    const nextSlab = inTurn(material.slabs, index);
    return { isAsync: false, run: () => void crc32(nextSlab()) };
  },
};
