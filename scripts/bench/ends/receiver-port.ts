import type { TransferOptions } from './control.ts';

/** One connection to a sender. */
export interface Receiver {
  /** Receives so many chunks and returns their bytes. May be called again. */
  receive(chunks: number): Promise<number>;
  /** @throws Error where the chunks received last are not those of the payload; not part of what is measured */
  check?(): void;
  close(): void;
}

export type OpenReceiver = (options: TransferOptions) => Promise<Receiver>;
