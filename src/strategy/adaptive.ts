import type { Strategy } from '../model/ports.ts';
import { FastestWindow } from './fastest-window.ts';
import { PoliteWindow } from './polite-window.ts';
import { restoreChunk } from './restore-chunk.ts';
import { withTaskGroup } from '../model/task-group.ts';
import type { WindowControl } from './window-control.ts';
import { Window } from './window.ts';

/** The window of `window-unordered`, of a size that the restore finds by itself. */
export const adaptive: Strategy = {
  name: 'adaptive',
  summary: 'window-unordered with a window that grows while that is faster and shrinks while it is not slower; ours',
  // The largest window that is tried. 64 chunks fill 10 Gbit/s over 200 ms; the default buffers hold half as many in
  // the worst case, beyond which more in flight only wait for them, which is measured as what it is.
  defaults: { inFlight: 64, decodeThreads: 4 },
  fixed: ['connections'],
  async restore({ image, target, clock, signal, inFlight, polite, ...ports }) {
    const control: WindowControl = polite ? new PoliteWindow(inFlight) : new FastestWindow(inFlight, clock.now());
    await withTaskGroup(signal, async (group) => {
      const window = new Window(group, control.limit);
      for (const slot of image.slots()) {
        group.signal.throwIfAborted();
        if (slot.isZero) {
          await target.writeZeroes(slot.offset, slot.length);
          continue;
        }
        await window.start(async () => {
          const pauseMs = control.nextPauseMs();
          if (pauseMs > 0) await clock.sleep(pauseMs, group.signal);
          const requestedMs = clock.now();
          control.requested(requestedMs);
          await restoreChunk(slot, { ...ports, target }, group.signal);
          control.written(clock.now(), requestedMs);
          window.resize(control.limit);
        });
      }
    });
  },
};
