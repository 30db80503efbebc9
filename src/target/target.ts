import type { SlotPlaces } from '../model/image.ts';
import type { RestoreTarget } from '../model/ports.ts';
import type { ProofRecord } from '../model/records.ts';

/** What the restored bytes must be. */
export interface ExpectedImage extends SlotPlaces {
  /** CRC-32 of the plain bytes of each slot, in index order. */
  readonly slotChecksums: Uint32Array;
  /** Of the whole image, 64 lower-case hex digits. */
  readonly sha256?: string;
}

/** What is known of an image by its index alone. */
export interface IndexedImage extends SlotPlaces {
  /** Whether these bytes have the digest of that slot. */
  matches(slot: number, bytes: Uint8Array): boolean;
}

export interface ProofOutcome {
  readonly verified: boolean;
  readonly proof: ProofRecord;
  /** Of the restored bytes, where the target could read them back. */
  readonly sha256?: string;
}

/** A target that can show whether what it was given is the image. Disposing it removes what it made. */
export interface ProvableTarget extends RestoreTarget, AsyncDisposable {
  /**
   * After `finish`. Untimed: it may read everything back. Rejects only when this machine fails, not on wrong bytes, and
   * with the signal's reason when aborted, within about one slot.
   */
  prove(expected: ExpectedImage | IndexedImage, signal?: AbortSignal): Promise<ProofOutcome>;
  /** CPU time that went into the proof beside the writes so far, milliseconds; what `prove` itself costs is not in it. */
  readonly proofCpuMs: number;
  /** Time for which at least one write was running, milliseconds; 0 of a target that takes none. */
  readonly writeBusyMs: number;
}
