import { HpackError } from './hpack-error.ts';
import { END_OF_STRING, huffmanCodes, huffmanLengths } from './huffman-code.ts';

// A state is an inner node of the code's tree: the bits that were read since the last symbol. Four bits at a time lead
// from state to state, and as no code is shorter than five, they complete at most one symbol.

/** The code has 257 leaves, and so its tree has 256 inner nodes. */
const STATES = 256;
const STEP_BITS = 4;
const MAX_PADDING_BITS = 7;

const SYMBOL_SHIFT = 8;
const COMPLETES_SYMBOL = 0x1_0000;
const ENDS_STRING = 0x2_0000;

const tree = codeTree();
/** By state and four bits: the next state, the symbol that they complete, and the flags above. */
const transitions = transitionTable();
/** 1 for the states in which a string may end: at most seven bits into END_OF_STRING (RFC 7541 5.2). */
const mayEnd = paddingStates();

/**
 * The octets of a string, one character each.
 * @throws HpackError for padding that is too long or not all ones, and for END_OF_STRING
 */
export function decodeHuffman(encoded: Uint8Array): string {
  const octets = Buffer.allocUnsafe(Math.floor((encoded.length * 8) / 5));
  let length = 0;
  let state = 0;
  for (const pair of encoded) {
    const high = transitions[(state << STEP_BITS) | (pair >> STEP_BITS)] ?? 0;
    if ((high & COMPLETES_SYMBOL) !== 0) octets[length++] = high >> SYMBOL_SHIFT;
    const low = transitions[((high & 0xff) << STEP_BITS) | (pair & 0xf)] ?? 0;
    if ((low & COMPLETES_SYMBOL) !== 0) octets[length++] = low >> SYMBOL_SHIFT;
    if (((high | low) & ENDS_STRING) !== 0)
      throw new HpackError('a Huffman-coded string holds the end-of-string symbol');
    state = low & 0xff;
  }
  if (mayEnd[state] !== 1) throw new HpackError('the padding of a Huffman-coded string is not at most seven ones');
  return octets.toString('latin1', 0, length);
}

/** Two children for each inner node: another one, or the complement of a symbol. The root is 0. */
function codeTree(): Int16Array {
  const children = new Int16Array(2 * STATES);
  let nodes = 1;
  for (const [symbol, code] of huffmanCodes.entries()) {
    let node = 0;
    for (let bit = (huffmanLengths[symbol] ?? 0) - 1; bit > 0; bit -= 1) {
      const child = 2 * node + ((code >>> bit) & 1);
      // The root is nobody's child, so that 0 means: none yet.
      if (children[child] === 0) children[child] = nodes++;
      node = children[child] ?? 0;
    }
    children[2 * node + (code & 1)] = ~symbol;
  }
  return children;
}

function transitionTable(): Uint32Array {
  const table = new Uint32Array(STATES << STEP_BITS);
  for (let place = 0; place < table.length; place += 1) {
    let node = place >> STEP_BITS;
    let flags = 0;
    for (let bit = STEP_BITS - 1; bit >= 0; bit -= 1) {
      const child = tree[2 * node + ((place >> bit) & 1)] ?? 0;
      node = Math.max(child, 0);
      if (child === ~END_OF_STRING) flags |= ENDS_STRING;
      else if (child < 0) flags |= COMPLETES_SYMBOL | (~child << SYMBOL_SHIFT);
    }
    table[place] = flags | node;
  }
  return table;
}

function paddingStates(): Uint8Array {
  const states = new Uint8Array(STATES);
  let node = 0;
  for (let bits = 0; bits <= MAX_PADDING_BITS; bits += 1) {
    states[node] = 1;
    node = tree[2 * node + 1] ?? 0;
  }
  return states;
}
