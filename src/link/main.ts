import { serveCalls } from '../process/serve-calls.ts';
import type { LinkCalls } from './control.ts';
import { EmulatedLink } from './emulated-link.ts';
import { Relay } from './relay.ts';

const link = new EmulatedLink({ random: Math.random });
const relays = new Map<number, Relay>();

const calls: LinkCalls = {
  async open({ port, listenPort }) {
    await calls.close({ port });
    const relay = await Relay.listen(link, { port, ...(listenPort === undefined ? {} : { listenPort }) });
    relays.set(port, relay);
    return { port: relay.port };
  },
  async close({ port }) {
    const relay = relays.get(port);
    relays.delete(port);
    await relay?.[Symbol.asyncDispose]();
  },
  setLink: (settings) => link.configure(settings),
  counters: () => link.counters(),
  resetCounters: () => link.resetCounters(),
};

serveCalls(calls);
