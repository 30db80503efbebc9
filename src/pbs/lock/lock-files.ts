import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { systemErrorCode } from '../../model/errors.ts';
import { isRunning, ownIdentity, type ProcessIdentity } from '../../process/process-identity.ts';
import type { HeldLock, LockMode } from './datastore-locks.ts';

/** Between two looks at others who are about to have the same lock; they need a few system calls. */
const LOOK_AGAIN_MS = 2;

/** In the file of a lock that is held; that of one which is asked for is empty. */
const HELD = 'held';

/** Parts of a file's name; in none of them is there one of these. */
const SEPARATOR = '~';

interface Claim {
  readonly file: string;
  readonly lock: string;
  /** Which process, and which of its locks; whoever has the smaller one goes first. */
  readonly holder: string;
  readonly mode: LockMode;
}

let claims = 0;

/**
 * Locks of processes that know of one another by files in a folder: one for each holder, named
 * `LOCK~PROCESS~NUMBER~MODE`, never renamed, since a listing may miss a file whose name changes meanwhile. Who wants a
 * lock makes an empty file first and then looks: where the lock is held he leaves; where others are asking too, the one of
 * the smaller name waits for the other, who leaves and comes again. So of two at least one sees the other. A file whose
 * process has ended counts for nothing and is removed, so that a crash leaves nothing that blocks.
 */
export class LockFiles {
  readonly #folder: string;
  readonly #process: string = formatProcess(ownIdentity());
  #isSwept = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** System errors are thrown as they are. */
  async tryLock(lock: string, mode: LockMode): Promise<HeldLock | undefined> {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.#sweep();
    claims += 1;
    const holder = [this.#process, String(claims).padStart(12, '0')].join(SEPARATOR);
    const own: Claim = { file: [lock, holder, mode].join(SEPARATOR), lock, holder, mode };
    const path = join(this.#folder, own.file);
    try {
      for (;;) {
        writeFileSync(path, '', { mode: 0o600 });
        const outcome = await this.#settle(own);
        if (outcome === 'held') {
          writeFileSync(path, HELD);
          return { release: () => rmSync(path, { force: true }) };
        }
        rmSync(path, { force: true });
        if (outcome === 'taken') return undefined;
        await sleep(LOOK_AGAIN_MS);
      }
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }

  async #settle(own: Claim): Promise<'held' | 'taken' | 'after-others'> {
    for (;;) {
      const others = this.#others(own);
      if (others.some(({ isHeld }) => isHeld)) return 'taken';
      if (others.length === 0) return 'held';
      if (others.some(({ holder }) => holder < own.holder)) return 'after-others';
      await sleep(LOOK_AGAIN_MS);
    }
  }

  /** Removes, once, what processes that were killed have left: nobody may ask for those locks again. */
  #sweep(): void {
    if (this.#isSwept) return;
    this.#isSwept = true;
    for (const file of readdirSync(this.#folder)) {
      const claim = parseClaim(file);
      if (claim !== undefined) this.#removeStale(claim);
    }
  }

  #removeStale({ file, holder }: Claim): boolean {
    if (isRunning(parseProcess(holder))) return false;
    rmSync(join(this.#folder, file), { force: true });
    return true;
  }

  /** Who has the lock, or is asking for it, in a way that excludes this. */
  #others(own: Claim): readonly (Claim & { readonly isHeld: boolean })[] {
    return readdirSync(this.#folder).flatMap((file) => {
      const claim = parseClaim(file);
      if (claim === undefined || claim.lock !== own.lock || claim.holder === own.holder) return [];
      if (claim.mode === 'shared' && own.mode === 'shared') return [];
      const text = textOf(join(this.#folder, file));
      return text === undefined || this.#removeStale(claim) ? [] : [{ ...claim, isHeld: text === HELD }];
    });
  }
}

const formatProcess = ({ pid, startTicks }: ProcessIdentity): string => `${pid}-${startTicks}`;

function parseProcess(holder: string): ProcessIdentity {
  const [pid = NaN, startTicks = NaN] = (holder.split(SEPARATOR, 1)[0] ?? '').split('-').map(Number);
  return { pid, startTicks };
}

function parseClaim(file: string): Claim | undefined {
  const [lock = '', identity = '', number = '', mode = '', ...more] = file.split(SEPARATOR);
  if ((mode !== 'shared' && mode !== 'exclusive') || more.length > 0) return undefined;
  return { file, lock, holder: [identity, number].join(SEPARATOR), mode };
}

/** Undefined where it was removed since it was listed. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
