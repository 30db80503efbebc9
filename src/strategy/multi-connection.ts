import type { Strategy } from '../model/ports.ts';
import { spreadSource } from './spread-source.ts';
import { windowUnordered } from './window-unordered.ts';

/** The window of `window-unordered`, its requests spread over several sessions: the “two connections” test of the talk. */
export const multiConnection: Strategy = {
  name: 'multi-connection',
  summary: 'the window of window-unordered over several TLS connections; the talk’s test with two',
  // The window of all connections together, so that a comparison with window-unordered shows the connections alone.
  defaults: { inFlight: 16, decodeThreads: 4, connections: 2 },
  fixed: ['polite'],
  restore: async ({ sources, ...context }) =>
    await windowUnordered.restore({ ...context, sources, source: spreadSource(sources) }),
};
