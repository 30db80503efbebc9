import { BlockReader } from './block-reader.ts';
import { DynamicTable, INITIAL_TABLE_BYTES } from './dynamic-table.ts';
import { fieldBytes, type HeaderField } from './header-field.ts';
import { HpackError } from './hpack-error.ts';
import { STATIC_FIELDS, staticField } from './static-table.ts';

/** Room for what any HTTP server accepts, and soon full for one that sends without end. */
const DEFAULT_MAX_LIST_BYTES = 64 * 1024;

export interface DecodedBlock {
  /** In the order of the block; cut where the list became too long. */
  readonly fields: readonly HeaderField[];
  /** The list exceeds its bound; the table has taken in the whole block all the same. */
  readonly isTooLong: boolean;
}

export interface HpackDecoderOptions {
  /**
   * Our SETTINGS_HEADER_TABLE_SIZE, default 4096. Less than that holds from the first block on, so the peer must know
   * it already; otherwise begin with 4096 and call {@link HpackDecoder.setMaxTableBytes} when it acknowledged.
   */
  readonly maxTableBytes?: number;
  /** Bound on the sum of name, value and 32 over the fields of a block (RFC 9113 6.5.2), default 64 KiB. */
  readonly maxListBytes?: number;
}

/** Decodes the header blocks of one direction of a connection, in the order in which they arrive (RFC 7541). */
export class HpackDecoder {
  readonly #table: DynamicTable;
  readonly #maxListBytes: number;
  #maxTableBytes: number;
  /** The table became smaller by our SETTINGS, which the next block has to confirm (RFC 7541 4.2). */
  #owesSizeUpdate = false;

  constructor({
    maxTableBytes = INITIAL_TABLE_BYTES,
    maxListBytes = DEFAULT_MAX_LIST_BYTES,
  }: HpackDecoderOptions = {}) {
    this.#maxTableBytes = maxTableBytes;
    this.#maxListBytes = maxListBytes;
    // A peer that may use more says so by a size update.
    this.#table = new DynamicTable(Math.min(maxTableBytes, INITIAL_TABLE_BYTES));
  }

  /** To be called when the peer acknowledged our changed SETTINGS. */
  setMaxTableBytes(bytes: number): void {
    this.#maxTableBytes = bytes;
    if (bytes >= this.#table.maxBytes) return;
    this.#table.resize(bytes);
    this.#owesSizeUpdate = true;
  }

  /**
   * Decodes one whole header block: the payloads of HEADERS or PUSH_PROMISE and its CONTINUATION frames, joined.
   * @throws HpackError after which the decoder cannot be used again
   */
  decode(block: Uint8Array): DecodedBlock {
    const reader = new BlockReader(block);
    while (isSizeUpdate(reader.peek()) && !reader.isAtEnd) this.#applySizeUpdate(reader);
    if (this.#owesSizeUpdate && !reader.isAtEnd) {
      throw new HpackError('the table was made smaller, and the next header block does not begin with a size update');
    }
    const fields: HeaderField[] = [];
    let listBytes = 0;
    while (!reader.isAtEnd) {
      const field = this.#readField(reader);
      listBytes += fieldBytes(field);
      if (listBytes <= this.#maxListBytes) fields.push(field);
    }
    return { fields, isTooLong: listBytes > this.#maxListBytes };
  }

  #applySizeUpdate(reader: BlockReader): void {
    const bytes = reader.integer(5);
    // Between two SETTINGS the table may have had to be smaller than it may be now.
    const limit = this.#owesSizeUpdate ? this.#table.maxBytes : this.#maxTableBytes;
    if (bytes > limit) throw new HpackError(`a size update to ${bytes} bytes, above the limit of ${limit}`);
    this.#table.resize(bytes);
    this.#owesSizeUpdate = false;
  }

  #readField(reader: BlockReader): HeaderField {
    const first = reader.peek();
    if (first >= 0x80) return this.#fieldAt(reader.integer(7));
    if (first >= 0x40) {
      const field = this.#readLiteral(reader, 6);
      this.#table.add(field);
      return field;
    }
    if (isSizeUpdate(first)) throw new HpackError('a size update behind the first field of a header block');
    const field = this.#readLiteral(reader, 4);
    return first >= 0x10 ? { ...field, neverIndexed: true } : field;
  }

  #readLiteral(reader: BlockReader, prefixBits: number): HeaderField {
    const index = reader.integer(prefixBits);
    const name = index === 0 ? reader.string() : this.#fieldAt(index).name;
    return { name, value: reader.string() };
  }

  #fieldAt(index: number): HeaderField {
    const field = index <= STATIC_FIELDS ? staticField(index) : this.#table.at(index - STATIC_FIELDS - 1);
    if (field === undefined) throw new HpackError(`a header block refers to index ${index}, where nothing is`);
    return field;
  }
}

/** 001xxxxx (RFC 7541 6.3). */
const isSizeUpdate = (octet: number): boolean => octet >> 5 === 1;
