import { BlockWriter, MAX_INTEGER_BYTES } from './block-writer.ts';
import { DynamicTable, INITIAL_TABLE_BYTES } from './dynamic-table.ts';
import { fieldBytes, type HeaderField } from './header-field.ts';
import { STATIC_FIELDS, staticIndexOfField, staticIndexOfName } from './static-table.ts';

/** Secrets, and what guards them: never in a table, where their length could be probed (RFC 7541 7.1). */
const sensitiveNames: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie']);

/** Another value with nearly every request: in the table they would only push out what comes back. */
const volatileNames: ReadonlySet<string> = new Set([':path', 'content-length', 'date']);

/** Two integers, pattern bits included, for the lengths of name and value. */
const MAX_LITERAL_OVERHEAD_BYTES = 1 + 2 * MAX_INTEGER_BYTES;

const MAX_SIZE_UPDATES = 2;

const NOT_LATIN1 = /[^\0-\u{ff}]/u;

export interface HpackEncoderOptions {
  /** Most bytes of table to use, whatever the peer allows; default 4096. */
  readonly maxTableBytes?: number;
}

/** Encodes the header blocks of one direction of a connection, in the order in which they are sent (RFC 7541). */
export class HpackEncoder {
  readonly #ownMaxTableBytes: number;
  readonly #table: DynamicTable;
  /** The bound that the peer's decoder knows. */
  #signalledBytes = INITIAL_TABLE_BYTES;
  /** The smallest bound since the last block. */
  #smallestBytes: number;

  constructor({ maxTableBytes = INITIAL_TABLE_BYTES }: HpackEncoderOptions = {}) {
    this.#ownMaxTableBytes = maxTableBytes;
    this.#smallestBytes = Math.min(maxTableBytes, INITIAL_TABLE_BYTES);
    this.#table = new DynamicTable(this.#smallestBytes);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE; the next block begins with the size updates that follow (RFC 7541 4.2). */
  setMaxTableBytes(bytes: number): void {
    this.#table.resize(Math.min(bytes, this.#ownMaxTableBytes));
    this.#smallestBytes = Math.min(this.#smallestBytes, this.#table.maxBytes);
  }

  /**
   * One whole header block in fresh memory.
   * @throws RangeError for a character above U+00FF; nothing is encoded then, and the encoder can go on
   */
  encode(fields: Iterable<HeaderField>): Uint8Array {
    // All of it is looked at first: a block that stops half-way would leave the two tables different.
    const list = [...fields];
    let maxBytes = MAX_SIZE_UPDATES * MAX_INTEGER_BYTES;
    for (const { name, value } of list) {
      if (NOT_LATIN1.test(name) || NOT_LATIN1.test(value)) {
        throw new RangeError(`the header ${JSON.stringify(name)} has a character above U+00FF`);
      }
      maxBytes += MAX_LITERAL_OVERHEAD_BYTES + name.length + value.length;
    }
    const writer = new BlockWriter(maxBytes);
    this.#writeSizeUpdates(writer);
    for (const field of list) this.#writeField(writer, field);
    return writer.finish();
  }

  #writeSizeUpdates(writer: BlockWriter): void {
    const { maxBytes } = this.#table;
    const signal = (bytes: number): void => {
      writer.integer(bytes, 5, 0x20);
      this.#signalledBytes = bytes;
    };
    if (this.#smallestBytes < Math.min(maxBytes, this.#signalledBytes)) signal(this.#smallestBytes);
    if (maxBytes !== this.#signalledBytes) signal(maxBytes);
    this.#smallestBytes = maxBytes;
  }

  #writeField(writer: BlockWriter, field: HeaderField): void {
    if (field.neverIndexed === true || sensitiveNames.has(field.name)) {
      this.#writeLiteral(writer, field, 4, 0x10);
      return;
    }
    const index = staticIndexOfField(field) || this.#dynamicIndex(this.#table.positionOfField(field));
    if (index > 0) writer.integer(index, 7, 0x80);
    else if (volatileNames.has(field.name) || fieldBytes(field) > this.#table.maxBytes / 2) {
      // One that fills the table leaves room for nothing else.
      this.#writeLiteral(writer, field, 4, 0);
    } else {
      this.#writeLiteral(writer, field, 6, 0x40);
      this.#table.add({ name: field.name, value: field.value });
    }
  }

  #writeLiteral(writer: BlockWriter, { name, value }: HeaderField, prefixBits: number, pattern: number): void {
    const index = staticIndexOfName(name) || this.#dynamicIndex(this.#table.positionOfName(name));
    writer.integer(index, prefixBits, pattern);
    if (index === 0) writer.string(name);
    writer.string(value);
  }

  /** In the index space of both tables; 0 for a field that is not there. */
  #dynamicIndex(position: number): number {
    return position < 0 ? 0 : STATIC_FIELDS + 1 + position;
  }
}
