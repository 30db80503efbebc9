import type { Slot } from '../model/image.ts';
import type { PlainChunk, Strategy } from '../model/ports.ts';
import { withTaskGroup } from '../model/task-group.ts';

/**
 * The window of `window-unordered`, but each chunk is written only after everything before it in the image. A chunk
 * that waits for its turn keeps its place, so the reorder buffer never holds more than `inFlight` chunks.
 */
export const windowOrdered: Strategy = {
  name: 'window-ordered',
  summary: 'a window of requests, written strictly in index order; the talk’s “async, worker threads, writes in order”',
  defaults: { inFlight: 16, decodeThreads: 4 },
  writesInOrder: true,
  // A write that starts before the one before it has returned would not be in strict order.
  fixed: ['writers', 'connections', 'polite'],
  async restore({ image, source, decoder, target, signal, inFlight }) {
    await withTaskGroup(signal, async (group) => {
      const requestOrder = image.slots()[Symbol.iterator]();
      const reorderBuffer: Promise<PlainChunk>[] = [];
      const obtain = async (slot: Slot): Promise<PlainChunk> => {
        group.signal.throwIfAborted();
        const chunk = await source.fetch(slot.digest, group.signal);
        group.signal.throwIfAborted();
        return await decoder.decode(chunk, slot);
      };
      const requestNext = (): void => {
        for (let next = requestOrder.next(); next.done !== true; next = requestOrder.next()) {
          if (next.value.isZero) continue;
          reorderBuffer.push(group.track(obtain(next.value)));
          return;
        }
      };

      for (let place = 0; place < inFlight; place += 1) requestNext();
      for (const slot of image.slots()) {
        group.signal.throwIfAborted();
        if (slot.isZero) {
          await target.writeZeroes(slot.offset, slot.length);
          continue;
        }
        const chunk = await reorderBuffer[0];
        group.signal.throwIfAborted();
        if (chunk === undefined)
          throw new Error(`slot ${slot.index} was never requested: the image changed between two iterations`);
        await target.write(slot.offset, chunk);
        void reorderBuffer.shift();
        requestNext();
      }
    });
  },
};
