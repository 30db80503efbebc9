import type { Slot } from '../model/image.ts';
import type { RestoreContext } from '../model/ports.ts';

/**
 * Fetches, decodes and writes one data chunk. An abort is noticed between the steps too: a chunk that was on its way
 * when another failed is dropped and not written.
 */
export async function restoreChunk(
  slot: Slot,
  { source, decoder, target }: Pick<RestoreContext, 'source' | 'decoder' | 'target'>,
  signal: AbortSignal,
): Promise<void> {
  const encoded = await source.fetch(slot.digest, signal);
  signal.throwIfAborted();
  const plain = await decoder.decode(encoded, slot);
  signal.throwIfAborted();
  await target.write(slot.offset, plain);
}
