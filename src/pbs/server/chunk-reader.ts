import type { ServerResponse } from '../transport/transport.ts';

/** A blob on its way out. */
export interface ChunkBody extends Pick<ServerResponse, 'sent'> {
  readonly body: Uint8Array;
}

/** Where a session gets the chunks of its datastore from. */
export interface ChunkReader {
  /** Rejects with a Refusal where there is no such chunk, and with the signal's reason when aborted. */
  read(digest: string, signal: AbortSignal): Promise<ChunkBody>;
}
