import { DEFAULT_CHUNK_SIZE } from '../../model/units.ts';
import { ENCRYPTED_BLOB_HEADER_BYTES, type BlobParts } from '../format/blob.ts';

/** The longest blob of a chunk in a fixed index. */
const BUFFER_BYTES: number = DEFAULT_CHUNK_SIZE + ENCRYPTED_BLOB_HEADER_BYTES;

/** A blob in one piece of memory. */
export interface BufferedBlob {
  readonly bytes: Uint8Array;
  /** Nobody reads the bytes any more. */
  readonly release: () => void;
}

/** Memory for blobs on their way to a server, used again and again: fresh pages cost as much as the copy into them. */
export class UploadBuffers {
  readonly #free: Uint8Array[] = [];

  join({ header, payload }: BlobParts): BufferedBlob {
    const buffer = this.#free.pop() ?? new Uint8Array(BUFFER_BYTES);
    buffer.set(header);
    buffer.set(payload, header.length);
    return {
      bytes: buffer.subarray(0, header.length + payload.length),
      release: () => this.#free.push(buffer),
    };
  }
}
