import { exitCodes, KnownError, type ExitCode } from '../../model/errors.ts';
import type { ChunkSource, Clock, RestoreTarget } from '../../model/ports.ts';
import { formatDuration } from '../../model/units.ts';

/** A trial in which nothing moved for too long (exit 3). */
export class TrialStalledError extends KnownError {
  readonly exitCode: ExitCode = exitCodes.trials;
}

export interface StallGuardOptions {
  readonly clock: Clock;
  readonly stallTimeoutMs: number;
  /** The caller's: an interruption of the run. */
  readonly signal: AbortSignal;
}

/** What is running may end by itself for so long after an abort: a decode or write that has begun takes no signal. */
const SETTLE_GRACE_MS = 2000;

/**
 * Ends a restore in which no chunk was fetched or written for `stallTimeoutMs`, pauses of its own aside, and one that
 * does not end within 2 s of an abort because a port hangs.
 */
export class StallGuard implements Disposable {
  readonly #options: StallGuardOptions;
  readonly #controller: AbortController = new AbortController();
  readonly #forwardAbort: () => void;
  /** Of the last fetch or write that ended, or of the end of a pause, which may be to come. */
  #progressMs = 0;
  #fetching = 0;
  #writing = 0;

  constructor(options: StallGuardOptions) {
    this.#options = options;
    this.#forwardAbort = () => this.#controller.abort(options.signal.reason);
    if (options.signal.aborted) this.#forwardAbort();
    else options.signal.addEventListener('abort', this.#forwardAbort, { once: true });
  }

  /** For the restore: aborted by the caller's signal, and with a {@link TrialStalledError} `trial-stalled`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The clock of a strategy that pauses on purpose: the time to stall runs from the end of a pause. */
  watchClock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      sleep: async (ms, signal) => {
        this.#progressedUntil(clock.now() + ms);
        await clock.sleep(ms, signal);
      },
    };
  }

  watchSource(source: ChunkSource): ChunkSource {
    return {
      fetch: async (digest, signal) => {
        this.#fetching += 1;
        try {
          return await source.fetch(digest, signal);
        } finally {
          this.#fetching -= 1;
          this.#progressedUntil(this.#options.clock.now());
        }
      },
    };
  }

  watchTarget(target: RestoreTarget): RestoreTarget {
    const watch = async (write: Promise<void>): Promise<void> => {
      this.#writing += 1;
      try {
        await write;
      } finally {
        this.#writing -= 1;
        this.#progressedUntil(this.#options.clock.now());
      }
    };
    return {
      write: (offset, chunk) => watch(target.write(offset, chunk)),
      writeZeroes: (offset, length) => watch(target.writeZeroes(offset, length)),
      finish: () => watch(target.finish()),
    };
  }

  /** Settles as `restore` does, or rejects with the reason of {@link signal} when that takes no effect in time. */
  async watch<Result>(restore: () => Promise<Result>): Promise<Result> {
    const { clock } = this.#options;
    const ended = new AbortController();
    const overdue = Promise.withResolvers<never>();
    const allowGrace = (): void => {
      clock.sleep(SETTLE_GRACE_MS, ended.signal).then(
        () => overdue.reject(this.signal.reason as Error),
        () => {},
      );
    };
    this.signal.addEventListener('abort', allowGrace, { once: true, signal: ended.signal });
    if (this.signal.aborted) allowGrace();
    this.#progressMs = clock.now();
    this.#abortOnStall(ended.signal).catch(() => {});
    try {
      return await Promise.race([restore(), overdue.promise]);
    } finally {
      ended.abort();
    }
  }

  [Symbol.dispose](): void {
    this.#options.signal.removeEventListener('abort', this.#forwardAbort);
  }

  #progressedUntil(ms: number): void {
    this.#progressMs = Math.max(this.#progressMs, ms);
  }

  async #abortOnStall(ended: AbortSignal): Promise<void> {
    const { clock, stallTimeoutMs } = this.#options;
    for (;;) {
      const remainingMs = this.#progressMs + stallTimeoutMs - clock.now();
      if (remainingMs <= 0) break;
      await clock.sleep(remainingMs, ended);
    }
    this.#controller.abort(
      new TrialStalledError(
        `no chunk was fetched or written for ${formatDuration(stallTimeoutMs)} (${this.#fetching} fetches and ${this.#writing} writes outstanding)`,
        {
          code: 'trial-stalled',
          hint: 'check that server and target still respond; a set-up that is just slow needs a longer stall timeout',
        },
      ),
    );
  }
}
