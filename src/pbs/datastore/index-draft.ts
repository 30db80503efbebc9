import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

import type { DurableFiles } from './durable-files.ts';
import { modes } from './layout.ts';

/**
 * The file of an index until it has its name. It is opened for each use: a client may begin hundreds of archives, and
 * must not hold as many descriptors. System errors are thrown as they are.
 */
export class IndexDraft {
  readonly #path: string;
  readonly #temporary: string;
  readonly #durable: DurableFiles;

  private constructor(path: string, durable: DurableFiles) {
    this.#path = path;
    // An ending that garbage collection leaves alone (spec 8.1); the same archive may be written twice in one backup.
    this.#temporary = path.replace(/\.([fd]idx)$/u, `.${randomBytes(3).toString('hex')}.tmp_$1`);
    this.#durable = durable;
  }

  /** @param path of the index, which is not there yet */
  static async create(path: string, durable: DurableFiles): Promise<IndexDraft> {
    const draft = new IndexDraft(path, durable);
    await (await durable.files.open(draft.#temporary, 'wx', modes.file)).close();
    return draft;
  }

  async use<Result>(step: (file: FileHandle) => Promise<Result>): Promise<Result> {
    const file = await this.#durable.files.open(this.#temporary, 'r+');
    try {
      return await step(file);
    } finally {
      await file.close();
    }
  }

  /**
   * Takes the last step, flushes the file and gives it its name; the folder is left to `DurableFiles.flush`, which must
   * have been called before for everything that the index refers to.
   */
  async publish<Result>(step: (file: FileHandle) => Promise<Result>): Promise<Result> {
    const result = await this.use(async (file) => {
      const outcome = await step(file);
      await file.sync();
      return outcome;
    });
    await this.#durable.rename(this.#temporary, this.#path);
    return result;
  }

  /** Removes the file, unless it has its name. */
  async abandon(): Promise<void> {
    await this.#durable.files.rm(this.#temporary, { force: true });
  }
}
