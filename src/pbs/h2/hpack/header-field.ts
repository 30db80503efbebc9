/** One field; name as sent (HTTP/2 forbids upper case, which the connection checks and HPACK does not). */
export interface HeaderField {
  /** One octet a character, U+0000 to U+00FF, as in the value. */
  readonly name: string;
  readonly value: string;
  /** Was sent, or is to be sent, so that nobody on the way keeps it in a table (RFC 7541 7.1.3). */
  readonly neverIndexed?: boolean;
}

/** What RFC 7541 4.1 and RFC 9113 6.5.2 add to the octets of each field. */
export const FIELD_OVERHEAD_BYTES = 32;

/** What a field counts in the dynamic table and in a header list (RFC 7541 4.1, RFC 9113 6.5.2). */
export const fieldBytes = ({ name, value }: HeaderField): number => name.length + value.length + FIELD_OVERHEAD_BYTES;
