import type { Strategy } from '../model/ports.ts';
import { restoreChunk } from './restore-chunk.ts';
import { withTaskGroup } from '../model/task-group.ts';
import { Window } from './window.ts';

/** Requests in index order, a window of them in flight, each chunk written as soon as it is decoded. */
export const windowUnordered: Strategy = {
  name: 'window-unordered',
  summary: 'a window of requests in index order, written as they complete; libproxmox-backup-qemu since 2.0.1',
  // What the library ships.
  defaults: { inFlight: 16, decodeThreads: 4 },
  fixed: ['connections', 'polite'],
  async restore({ image, target, signal, inFlight, ...ports }) {
    await withTaskGroup(signal, async (group) => {
      const window = new Window(group, inFlight);
      for (const slot of image.slots()) {
        group.signal.throwIfAborted();
        if (slot.isZero) await target.writeZeroes(slot.offset, slot.length);
        else await window.start(() => restoreChunk(slot, { ...ports, target }, group.signal));
      }
    });
  },
};
