import { END_OF_STRING, huffmanCodes, huffmanLengths } from './huffman-code.ts';

/** Octets of a string of characters up to U+00FF in Huffman code, padding included. */
export function huffmanBytes(text: string): number {
  let bits = 0;
  for (let index = 0; index < text.length; index += 1) bits += huffmanLengths[text.charCodeAt(index)] ?? 0;
  return Math.ceil(bits / 8);
}

/** Writes the {@link huffmanBytes} of a string. */
export function writeHuffman(text: string, bytes: Uint8Array, offset: number): void {
  let at = offset;
  let octet = 0;
  let freeBits = 8;
  const put = (code: number, bits: number): void => {
    let left = bits;
    while (left >= freeBits) {
      left -= freeBits;
      bytes[at++] = octet | ((code >>> left) & ((1 << freeBits) - 1));
      octet = 0;
      freeBits = 8;
    }
    freeBits -= left;
    octet |= (code << freeBits) & 0xff & ((1 << (freeBits + left)) - 1);
  };
  for (let index = 0; index < text.length; index += 1) {
    const symbol = text.charCodeAt(index);
    put(huffmanCodes[symbol] ?? 0, huffmanLengths[symbol] ?? 0);
  }
  // The last octet is filled with the first bits of END_OF_STRING (RFC 7541 5.2).
  if (freeBits < 8)
    put((huffmanCodes[END_OF_STRING] ?? 0) >>> ((huffmanLengths[END_OF_STRING] ?? 0) - freeBits), freeBits);
}
