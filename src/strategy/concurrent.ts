import type { Strategy } from '../model/ports.ts';
import { restoreChunk } from './restore-chunk.ts';
import { withTaskGroup } from '../model/task-group.ts';
import { Window } from './window.ts';

/** All zero chunks first, then data chunks in a window, written as they complete: the prototype of the talk. */
export const concurrent: Strategy = {
  name: 'concurrent',
  summary: 'all zero chunks first, then data chunks in flight together, written as they complete; the talk’s prototype',
  // The prototype ran its futures on the threads of its runtime. The same number as window-unordered has, so that a
  // comparison of the two shows what their scheduling does and not what their threads do.
  defaults: { inFlight: 16, decodeThreads: 4 },
  fixed: ['connections', 'polite'],
  async restore({ image, target, signal, inFlight, ...ports }) {
    for (const slot of image.slots()) {
      signal.throwIfAborted();
      if (slot.isZero) await target.writeZeroes(slot.offset, slot.length);
    }
    await withTaskGroup(signal, async (group) => {
      const window = new Window(group, inFlight);
      for (const slot of image.slots()) {
        if (!slot.isZero) await window.start(() => restoreChunk(slot, { ...ports, target }, group.signal));
      }
    });
  },
};
