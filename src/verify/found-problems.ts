import type { VerifyProblem } from '../model/verify.ts';
import { placeOf, type VerifiedArchive, type VerifiedSnapshot } from './collect-archives.ts';

/** What is damaged, and what only looks so because it was removed meanwhile. */
export interface SettledProblems {
  readonly problems: readonly VerifyProblem[];
  /** Snapshots below the datastore. */
  readonly removed: readonly string[];
}

/**
 * What a verify has found, and in which snapshots. A server may prune snapshots and collect their chunks while it runs, so
 * that what is wrong is damage only where, at the end, the snapshot is still there.
 */
export class FoundProblems {
  readonly #ofSnapshots: { readonly snapshot: VerifiedSnapshot; readonly problem: VerifyProblem }[] = [];
  readonly #ofChunks: Map<string, VerifyProblem> = new Map();
  readonly #removed: Set<string> = new Set();

  add(snapshot: VerifiedSnapshot, problem: VerifyProblem): void {
    this.#ofSnapshots.push({ snapshot, problem });
  }

  /** Whom it affects shows in {@link settle}. */
  addChunk(digest: string, problem: VerifyProblem): void {
    this.#ofChunks.set(digest, problem);
  }

  addRemoved(snapshot: VerifiedSnapshot): void {
    this.#removed.add(placeOf(snapshot));
  }

  /** @param archives all that name chunks */
  async settle(archives: readonly VerifiedArchive[]): Promise<SettledProblems> {
    const problems: VerifyProblem[] = [];
    for (const { snapshot, problem } of this.#ofSnapshots) {
      if (!(await this.#isRemoved(snapshot))) problems.push(problem);
    }
    problems.push(...(await this.#withUsers(archives)));
    return { problems, removed: [...this.#removed] };
  }

  /** Which archives name the damaged chunks: read again, since damage is rare and the names of users would be many. */
  async #withUsers(archives: readonly VerifiedArchive[]): Promise<readonly VerifyProblem[]> {
    if (this.#ofChunks.size === 0) return [];
    const users = new Map<string, Set<string>>([...this.#ofChunks.keys()].map((digest) => [digest, new Set()]));
    for (const archive of archives) {
      if (await this.#isRemoved(archive)) continue;
      const place = placeOf(archive, archive.file.filename);
      for (const { digest } of await archive.slots()) users.get(digest)?.add(place);
    }
    return [...this.#ofChunks].flatMap(([digest, problem]) => {
      const affects = [...(users.get(digest) ?? [])];
      return affects.length === 0 ? [] : [{ ...problem, affects }];
    });
  }

  async #isRemoved(snapshot: VerifiedSnapshot): Promise<boolean> {
    const place = placeOf(snapshot);
    // Each had one when its problems were found.
    if (!this.#removed.has(place) && !(await snapshot.datastore.hasManifest(snapshot.name))) this.#removed.add(place);
    return this.#removed.has(place);
  }
}
