/** An entry of an append. */
export interface ArchiveEntry {
  /** Bytes. */
  readonly offset: number;
  readonly digest: string;
  /** Bytes of the chunk; throws a Refusal where the session does not know it. */
  readonly length: () => number;
}

/** What a client says of the archive that it closes. */
export interface CloseFacts {
  readonly chunkCount: number;
  /** Bytes. */
  readonly size: number;
  /** Hex. */
  readonly csum: string;
}

/** An archive of a backup that is being written. */
export interface Archive {
  readonly kind: 'fixed' | 'dynamic';
  /** Server name. */
  readonly name: string;
  /**
   * A chunk of this archive has been stored.
   * @throws Refusal where it cannot belong to the archive; it stays stored all the same
   */
  registerChunk(size: number): void;
  /** Applies the entries up to the first wrong one; rejects with the Refusal for that. */
  append(entries: readonly ArchiveEntry[]): Promise<void>;
  /** Gives the index its name. Rejects with a Refusal where the client's facts are not ours. */
  close(facts: CloseFacts): Promise<void>;
  /** Removes what was not closed. */
  abandon(): Promise<void>;
}
