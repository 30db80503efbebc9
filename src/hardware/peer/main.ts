import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { entryUrl } from '../../process/service-process.ts';
import { serveCalls } from '../../process/serve-calls.ts';
import type { PeerCalls } from './control.ts';

/** The process at the other end of the TLS connections that are measured: a thread and a port for each. */
const calls: PeerCalls = {
  async open({ threads, certificate }) {
    return await Promise.all(
      Array.from({ length: threads }, async () => {
        const worker = new Worker(entryUrl('./worker', import.meta.url), { workerData: certificate });
        const [port] = (await once(worker, 'message')) as [number];
        return port;
      }),
    );
  },
};

serveCalls(calls);
