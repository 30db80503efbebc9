import { createHash } from 'node:crypto';

/** Pseudo-random numbers that a text decides (sfc32, which passes PractRand; seeded through SHA-256). */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  constructor(seed: string) {
    const bytes = createHash('sha256').update(seed).digest();
    this.#a = bytes.readInt32LE(0);
    this.#b = bytes.readInt32LE(4);
    this.#c = bytes.readInt32LE(8);
    this.#counter = bytes.readInt32LE(12);
  }

  /** 0 to 2^32 - 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** 0 to `bound` - 1, for a bound of at most 2^32. The bias of at most bound / 2^32 does not matter here. */
  below(bound: number): number {
    return Math.floor((this.next() / 2 ** 32) * bound);
  }

  /** `count` different members in random order; `members` itself is reordered. */
  take<Member>(members: Member[], count: number): Member[] {
    for (let index = 0; index < count; index += 1) {
      const other = index + this.below(members.length - index);
      const member = members[other] as Member;
      members[other] = members[index] as Member;
      members[index] = member;
    }
    return members.slice(0, count);
  }
}
