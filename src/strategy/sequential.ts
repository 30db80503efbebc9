import type { Strategy } from '../model/ports.ts';

/** One chunk at a time in index order, as pbs-restore did up to libproxmox-backup-qemu 2.0.0. */
export const sequential: Strategy = {
  name: 'sequential',
  summary: 'fetch, decode, write, next; pbs-restore up to libproxmox-backup-qemu 2.0.0',
  // The old loop decoded on the thread that had asked for the chunk. With one chunk at a time a worker thread could
  // only add its hand-over, but a scenario may ask for one to measure just that.
  defaults: { inFlight: 1, decodeThreads: 0 },
  fixed: ['inFlight', 'writers', 'connections', 'polite'],
  writesInOrder: true,
  async restore({ image, source, decoder, target, signal }) {
    for (const slot of image.slots()) {
      signal.throwIfAborted();
      if (slot.isZero) await target.writeZeroes(slot.offset, slot.length);
      else await target.write(slot.offset, await decoder.decode(await source.fetch(slot.digest, signal), slot));
    }
    signal.throwIfAborted();
  },
};
