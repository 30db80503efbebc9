import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { UploadableImage } from '../../../src/pbs/client/upload-image.ts';
import { decodeBlob } from '../../../src/pbs/format/blob.ts';
import { parseFixedIndex } from '../../../src/pbs/format/fixed-index.ts';
import { MiB } from '../../../src/model/units.ts';

const store = fileURLToPath(new URL('../../fixtures/golden/store', import.meta.url));

/** A file of a golden snapshot, as it is stored. */
export const goldenFile = (snapshot: string, name: string): Buffer => readFileSync(join(store, snapshot, name));

/** The plain content of a golden blob. */
export const goldenBlob = (snapshot: string, name: string): Uint8Array =>
  decodeBlob(goldenFile(snapshot, name), { maxPlainBytes: MiB });

/** The image that a real client backed up, out of the golden datastore. */
export function goldenImage(snapshot: string, archive: string = 'drive-scsi0.img.fidx'): UploadableImage {
  const index = parseFixedIndex(goldenFile(snapshot, archive));
  return {
    sizeBytes: index.size,
    chunk: (slot) => {
      const digest = index.digestAt(slot);
      const file = join(store, '.chunks', digest.slice(0, 4), digest);
      return {
        digest,
        isCompressible: true,
        plain: () => decodeBlob(readFileSync(file), { maxPlainBytes: index.chunkSize }),
      };
    },
  };
}
