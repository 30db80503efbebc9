import { KnownError, systemErrorCode } from '../model/errors.ts';
import type { CallError } from './service-process.ts';

interface Call {
  readonly id: number;
  readonly method: string;
  readonly parameter: unknown;
}

/**
 * The child's end of a {@link ServiceProcess}: answers its calls, tells the parent that it is ready, and ends this
 * process when the parent is gone. Signals of the terminal are left to the parent, which ends this process in order.
 */
export function serveCalls(methods: object, { onEnd }: { readonly onEnd?: () => Promise<void> | void } = {}): void {
  const handlers = methods as Readonly<Record<string, (parameter: unknown) => unknown>>;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  process.on('disconnect', () => {
    void Promise.resolve(onEnd?.()).finally(() => process.exit(0));
  });
  process.on('message', (message) => {
    const { id, method, parameter } = message as Call;
    const handler = handlers[method];
    Promise.try(() => {
      if (handler === undefined) throw new Error(`unknown call ${method}`);
      return handler(parameter);
    }).then(
      (result) => answer({ id, result }),
      (error: unknown) => answer({ id, error: describeError(error) }),
    );
  });
  answer({ id: -1 });
}

/** A parent that is gone asks for nothing any more: `disconnect` ends this process. */
function answer(message: object): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

/** What the parent can make an error of again: its class does not cross the channel. */
function describeError(error: unknown): CallError {
  if (error instanceof KnownError) {
    const { message, code, exitCode, hint } = error;
    return { message, code, exitCode, ...(hint === undefined ? {} : { hint }) };
  }
  const code = systemErrorCode(error);
  return {
    message: error instanceof Error ? error.message : String(error),
    ...(code === undefined ? {} : { code }),
  };
}
