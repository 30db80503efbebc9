import type { Listening, ListenOptions } from './control.ts';
import { EmbeddedServer, type EmbeddedServerOptions } from './embedded-server.ts';

/** A server of this process that listens. */
export type RunningServer = Listening &
  Pick<
    EmbeddedServer,
    | 'mount'
    | 'mountSynthesised'
    | 'setStorage'
    | 'setTransport'
    | 'counters'
    | 'resetCounters'
    | 'shutdown'
    | typeof Symbol.asyncDispose
  >;

/**
 * Starts an embedded server in this process; disposing of it ends it and its connections.
 * @throws MachineError where the port is taken or the certificate's folder cannot be used
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions & ListenOptions): Promise<RunningServer> {
  const server = new EmbeddedServer(options);
  const { port, fingerprint } = await server.listen(options);
  return {
    port,
    fingerprint,
    mount: (store) => server.mount(store),
    mountSynthesised: (store) => server.mountSynthesised(store),
    setStorage: (settings) => server.setStorage(settings),
    setTransport: (transport) => server.setTransport(transport),
    counters: () => server.counters(),
    resetCounters: () => server.resetCounters(),
    shutdown: async () => await server.shutdown(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
