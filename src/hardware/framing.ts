import { DEFAULT_CHUNK_SIZE } from '../model/units.ts';
import { FrameReader } from '../pbs/h2/frame-reader.ts';
import { frameHeader, frameTypes } from '../pbs/h2/frame.ts';
import type { Primitive } from './primitive.ts';
import { RECORD_BYTES } from './shared-material.ts';

/**
 * A chunk in one DATA frame, as a PBS sends it (observed.md), taken apart by the parser of a restore in pieces of one TLS
 * record. Its bytes are looked at by nobody: the copy is measured by itself.
 */
export const http2Framing: Primitive = {
  what: 'HTTP/2 frames read',
  unit: 'bytes',
  unitsPerCall: DEFAULT_CHUNK_SIZE,
  open() {
    const reader = new FrameReader({
      frameBegins: () => true,
      dataPiece: () => {},
      dataEnds: () => {},
      frame: () => {},
    });
    const header = frameHeader({ length: DEFAULT_CHUNK_SIZE, type: frameTypes.data, flags: 0, streamId: 1 });
    const record = Buffer.alloc(RECORD_BYTES, 1);
    return {
      isAsync: false,
      run: () => {
        reader.read(header, 0, header.length);
        for (let taken = 0; taken < DEFAULT_CHUNK_SIZE; taken += RECORD_BYTES) reader.read(record, 0, RECORD_BYTES);
      },
    };
  },
};
