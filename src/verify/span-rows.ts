import { spanColumns, type SpanColumn, type SpanTable } from '../model/records.ts';
import type { VerifiedChunk } from './verify-chunks.ts';

/** Chunks whose times are kept: those of 1 TiB of incompressible data, 60 MB as JSON. */
const MAX_ROWS = 262_144;

/** The times of chunks, as the spans of a restore have them; nothing is written, so that a write takes no time. */
export class SpanRows {
  readonly limit: number = MAX_ROWS;
  readonly #columns: Readonly<Record<SpanColumn, number[]>>;
  #startedAtMs = 0;
  #count = 0;

  constructor() {
    this.#columns = Object.fromEntries(spanColumns.map((name) => [name, []])) as unknown as Record<
      SpanColumn,
      number[]
    >;
  }

  /** Times count from here. */
  start(atMs: number): void {
    this.#startedAtMs = atMs;
  }

  add(verified: VerifiedChunk): void {
    this.#count += 1;
    if (this.#count > MAX_ROWS) return;
    const columns = this.#columns;
    const time = (name: SpanColumn, atMs: number): void => {
      columns[name].push(Math.round((atMs - this.#startedAtMs) * 1000) / 1000);
    };
    columns.slot.push(this.#count - 1);
    columns.connection.push(verified.readThread);
    columns.worker.push(verified.verifyThread);
    columns.encodedBytes.push(verified.encodedBytes);
    time('fetchCalledMs', verified.calledMs);
    time('requestSentMs', verified.readStartedMs);
    time('firstByteMs', verified.firstByteMs);
    time('lastByteMs', verified.lastByteMs);
    time('decodeCalledMs', verified.lastByteMs);
    time('decodeStartedMs', verified.decodeStartedMs);
    for (const name of ['decodedMs', 'writeCalledMs', 'writeStartedMs', 'writtenMs'] as const)
      time(name, verified.decodedMs);
  }

  /** Undefined where there were too many. */
  toSpanTable(): SpanTable | undefined {
    return this.#count > MAX_ROWS ? undefined : this.#columns;
  }
}
