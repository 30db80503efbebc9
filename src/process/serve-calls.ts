import { createConnection } from 'node:net';

import { CHANNEL_VARIABLE, SocketChannel, type CallChannel } from './call-channel.ts';
import { toCallError } from './call-error.ts';

interface Call {
  readonly id: number;
  readonly method: string;
  readonly parameter: unknown;
}

/** Sends something that was not asked for to the parent, which gets it as an event. */
export type Notify = (event: object) => void;

/**
 * A process that a profiler started writes its data when it ends by itself, which it does once its work is disposed
 * of; one that something keeps alive is ended after so long.
 */
const NATURAL_END_MS = 3000;

/**
 * The child's end of a {@link ServiceProcess}: answers its calls, tells the parent that it is ready, and ends this
 * process when the parent is gone. Signals of the terminal are left to the parent, which ends this process in order.
 */
export function serveCalls(methods: object, { onEnd }: { readonly onEnd?: () => Promise<void> | void } = {}): Notify {
  const handlers = methods as Readonly<Record<string, (parameter: unknown) => unknown>>;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  const socketPath = process.env[CHANNEL_VARIABLE];
  // It is this process that is meant, not those that it starts.
  delete process.env[CHANNEL_VARIABLE];
  const channel = socketPath === undefined ? (process as CallChannel) : new SocketChannel(createConnection(socketPath));
  /** A parent that is gone asks for nothing any more: `disconnect` ends this process. */
  const tell = (message: object): void => {
    if (channel.connected) channel.send(message, () => {});
  };
  channel.on('disconnect', () => {
    void Promise.resolve(onEnd?.()).finally(() => {
      if (socketPath === undefined) process.exit(0);
      setTimeout(() => process.exit(0), NATURAL_END_MS).unref();
    });
  });
  channel.on('message', (message) => {
    const { id, method, parameter } = message as Call;
    const handler = handlers[method];
    Promise.try(() => {
      if (handler === undefined) throw new Error(`unknown call ${method}`);
      return handler(parameter);
    }).then(
      (result) => tell({ id, result }),
      (error: unknown) => tell({ id, error: toCallError(error) }),
    );
  });
  tell({ id: -1, pid: process.pid });
  return (event) => tell({ id: -1, event });
}
