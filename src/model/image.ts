/** One position of a fixed index: which bytes of the image, and the chunk that holds them. */
export interface Slot {
  readonly index: number;
  /** Bytes from the start of the image. */
  readonly offset: number;
  /** Plain bytes; only the last slot of an image may be shorter than the chunk size. */
  readonly length: number;
  /** SHA-256 of the plain bytes, 64 lower-case hex digits. */
  readonly digest: string;
  /** The digest is that of a full chunk of zeros, so nothing needs to be fetched (a short zero tail is data). */
  readonly isZero: boolean;
}

/** An image as its fixed index describes it. */
export interface Image {
  /** Bytes. */
  readonly size: number;
  /** Bytes; a power of two. */
  readonly chunkSize: number;
  readonly slotCount: number;
  /** All slots in index order; safe to iterate more than once. */
  slots(): Iterable<Slot>;
}
