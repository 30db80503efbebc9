import type { ChunkSource } from '../model/ports.ts';

/**
 * One source over several: each fetch goes to the one with the fewest fetches under way, the first among equals. So a
 * slow connection is given less, and equal ones are used in turn.
 */
export function spreadSource(sources: readonly ChunkSource[]): ChunkSource {
  const lanes = sources.map((source) => ({ source, underWay: 0 }));
  return {
    async fetch(digest, signal) {
      const lane = lanes.reduce((least, candidate) => (candidate.underWay < least.underWay ? candidate : least));
      lane.underWay += 1;
      try {
        return await lane.source.fetch(digest, signal);
      } finally {
        lane.underWay -= 1;
      }
    },
  };
}
