import { slotAt, slotPlaces, type Image, type SlotPlaces } from '../../model/image.ts';
import type { EncodedChunk, PlainChunk } from '../../model/ports.ts';
import { spanColumns, type SpanColumn, type SpanTable } from '../../model/records.ts';

/** Columns that are not times. */
const plainNumbers: ReadonlySet<SpanColumn> = new Set(['slot', 'connection', 'worker', 'encodedBytes']);

/**
 * Takes down when each chunk of one trial reached its stages. Everything is allocated before the trial: one typed array
 * for each column with a cell for each slot, 8 bytes each (1.7 MB for an image of 60 GiB), NaN where a chunk has no
 * such moment.
 */
export class SpanRecorder {
  readonly #places: SlotPlaces;
  readonly #columns: Readonly<Record<SpanColumn, Float64Array>>;
  readonly #writtenSlots: Uint32Array;
  #written = 0;
  #startedAtMs = 0;

  constructor(image: Image) {
    this.#places = slotPlaces(image);
    const column = (): Float64Array => new Float64Array(image.slotCount).fill(NaN);
    this.#columns = Object.fromEntries(spanColumns.map((name) => [name, column()])) as Record<SpanColumn, Float64Array>;
    this.#writtenSlots = new Uint32Array(image.slotCount);
  }

  /** Times in the table count from this moment on the trial's clock. */
  start(atMs: number): void {
    this.#startedAtMs = atMs;
  }

  /** `calledMs` is undefined where this slot caused no fetch of its own. */
  fetched(slot: number, calledMs: number | undefined, { encodedBytes, timing }: EncodedChunk): void {
    const columns = this.#columns;
    columns.encodedBytes[slot] = encodedBytes;
    if (calledMs === undefined) return;
    columns.fetchCalledMs[slot] = calledMs;
    if (timing === undefined) return;
    columns.connection[slot] = timing.connection;
    columns.requestSentMs[slot] = timing.requestSentMs;
    columns.firstByteMs[slot] = timing.firstByteMs;
    columns.lastByteMs[slot] = timing.lastByteMs;
  }

  decoded(slot: number, calledMs: number, { timing }: PlainChunk): void {
    const columns = this.#columns;
    columns.decodeCalledMs[slot] = calledMs;
    if (timing === undefined) return;
    columns.worker[slot] = timing.worker;
    columns.decodeStartedMs[slot] = timing.startedMs;
    columns.decodedMs[slot] = timing.endedMs;
  }

  writeCalled(offset: number, atMs: number): void {
    this.#columns.writeCalledMs[slotAt(this.#places, offset)] = atMs;
  }

  /** The writer took the write. */
  writeStarted(offset: number, atMs: number): void {
    this.#columns.writeStartedMs[slotAt(this.#places, offset)] = atMs;
  }

  written(offset: number, atMs: number): void {
    const slot = slotAt(this.#places, offset);
    this.#columns.slot[slot] = slot;
    this.#columns.writtenMs[slot] = atMs;
    this.#writtenSlots[this.#written] = slot;
    this.#written += 1;
  }

  /** One row for each chunk that has been written so far, in the order in which the writes returned. */
  toSpanTable(): SpanTable {
    const slots = this.#writtenSlots.subarray(0, this.#written);
    const cells = (name: SpanColumn): readonly (number | null)[] => {
      const values = this.#columns[name];
      const isTime = !plainNumbers.has(name);
      return Array.from(slots, (slot) => {
        const value = values[slot] ?? NaN;
        if (Number.isNaN(value)) return null;
        return isTime ? roundToMicroseconds(value - this.#startedAtMs) : value;
      });
    };
    return Object.fromEntries(spanColumns.map((name) => [name, cells(name)])) as SpanTable;
  }
}

/** Finer digits would be noise: reading the clock costs about as much. */
const roundToMicroseconds = (ms: number): number => Math.round(ms * 1000) / 1000;
