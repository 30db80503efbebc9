import { fieldBytes, type HeaderField } from './header-field.ts';

/** SETTINGS_HEADER_TABLE_SIZE of a connection before any SETTINGS frame (RFC 9113 6.5.2). */
export const INITIAL_TABLE_BYTES = 4096;

/** The dynamic table of one direction (RFC 7541 2.3.2, 4): a queue of fields, bounded in bytes, the newest first. */
export class DynamicTable {
  /** The oldest first, so that adding and evicting work on the ends. */
  readonly #fields: HeaderField[] = [];
  #bytes = 0;
  #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** The field at a position, 0 being the newest; undefined behind the oldest. */
  at(position: number): HeaderField | undefined {
    return this.#fields[this.#fields.length - 1 - position];
  }

  /** Position of the newest field with this name and value; -1 without. */
  positionOfField({ name, value }: HeaderField): number {
    const place = this.#fields.findLastIndex((field) => field.name === name && field.value === value);
    return place < 0 ? -1 : this.#fields.length - 1 - place;
  }

  /** Position of the newest field with this name; -1 without. */
  positionOfName(name: string): number {
    const place = this.#fields.findLastIndex((field) => field.name === name);
    return place < 0 ? -1 : this.#fields.length - 1 - place;
  }

  /** Adds a field and evicts the oldest for it; one that is larger than the table only empties it (RFC 7541 4.4). */
  add(field: HeaderField): void {
    const bytes = fieldBytes(field);
    this.#evictDownTo(this.#maxBytes - bytes);
    if (bytes > this.#maxBytes) return;
    this.#fields.push(field);
    this.#bytes += bytes;
  }

  /** Changes the bound and evicts what is above it (RFC 7541 4.3). */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evictDownTo(maxBytes);
  }

  #evictDownTo(bytes: number): void {
    while (this.#bytes > bytes) {
      const oldest = this.#fields.shift();
      if (oldest === undefined) return;
      this.#bytes -= fieldBytes(oldest);
    }
  }
}
