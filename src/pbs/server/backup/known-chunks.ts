import { Refusal } from '../refusal.ts';

/** The chunks that a session may put into an index, with the bytes that each holds. */
export class KnownChunks {
  readonly #lengths: Map<string, number> = new Map();

  add(digest: string, length: number): void {
    this.#lengths.set(digest, length);
  }

  /** @throws Refusal 400 for a chunk that was neither uploaded nor registered in this session */
  lengthOf(digest: string): number {
    const length = this.#lengths.get(digest);
    if (length === undefined) throw new Refusal(400, `no such chunk ${digest}`);
    return length;
  }
}
