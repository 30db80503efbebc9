import type { LinkSettings } from '../model/environment.ts';
import type { LinkCounters } from '../model/records.ts';

/** What the harness asks of the link emulator's process, over its IPC channel. */
export interface LinkCalls {
  /**
   * Listens on 127.0.0.1 and relays every connection to `port` on 127.0.0.1 through the link. All relayed ports share
   * one link, that is, one token bucket per direction. Returns the port to connect to: a free one unless `listenPort` is
   * given. Rejects with a MachineError where that is taken.
   */
  open(options: { readonly port: number; readonly listenPort?: number }): Promise<{ readonly port: number }>;
  /** Ends the relaying made by `open` and its connections. */
  close(options: { readonly port: number }): Promise<void>;
  /** Takes effect for everything that arrives afterwards. */
  setLink(settings: LinkSettings): void;
  /** Counters since the last call of `resetCounters`. */
  counters(): LinkCounters;
  resetCounters(): void;
  [method: string]: (parameter: never) => unknown;
}
