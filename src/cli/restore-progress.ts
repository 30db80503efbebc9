import type { Clock } from '../model/ports.ts';
import { formatBytes, formatDuration, formatRate } from '../model/units.ts';
import type { RestoredBytes } from '../restore/restore-counter.ts';
import { LiveRegion } from '../ui/live-region.ts';
import { formatBar, formatProgress, remainingTimeMs } from '../ui/progress.ts';
import { styleFor, type Style } from '../ui/style.ts';
import type { Edge } from './edge.ts';

/** What a restore has to do in all. */
export interface RestoreExtent {
  readonly logicalBytes: number;
  /** Of the image, there before this restore began. */
  readonly thereBytes: number;
  /** Bytes of chunks that have to be fetched. */
  readonly dataBytes: number;
}

/** Bytes of a restore, and how long it took. */
export interface RestoreFigures extends RestoredBytes {
  /** Received from the server. */
  readonly wire: number;
  readonly elapsedMs: number;
}

/** `logical 412 MB/s, data 380 MB/s, unique 371 MB/s, wire 352 MB/s` */
export function formatRates({ logical, data, unique, wire, elapsedMs }: RestoreFigures): string {
  return Object.entries({ logical, data, unique, wire })
    .map(([name, bytes]) => `${name} ${elapsedMs > 0 ? formatRate((bytes * 1000) / elapsedMs) : 'not measured'}`)
    .join(', ');
}

/** What is over before it could be read is not shown. */
const SHOW_AFTER_MS = 2000;

/** What a user sees on stderr while a restore goes on. It costs next to nothing for the writes that nothing is shown of. */
export class RestoreProgress implements Disposable {
  readonly #clock: Clock;
  readonly #region: LiveRegion;
  readonly #style: Style;
  #readBackSinceMs: number | undefined;

  constructor(edge: Edge, clock: Clock) {
    this.#clock = clock;
    this.#region = new LiveRegion({ stream: edge.stderr, env: edge.env, clock });
    this.#style = styleFor(edge.stderr, edge.env);
  }

  say(text: string): void {
    this.#region.print(text);
  }

  warn(text: string): void {
    this.#region.print(this.#style.yellow(`warning: ${text}`));
  }

  readBack(doneBytes: number, totalBytes: number): void {
    const now = this.#clock.now();
    this.#readBackSinceMs ??= now;
    if (!this.#region.isDue || now - this.#readBackSinceMs < SHOW_AFTER_MS) return;
    const progress = formatProgress({ doneBytes, totalBytes, elapsedMs: now - this.#readBackSinceMs });
    this.#region.update([`reading back what is there  ${progress}`]);
  }

  restoring({ logicalBytes, thereBytes, dataBytes }: RestoreExtent, figures: () => RestoreFigures): void {
    if (!this.#region.isDue) return;
    const moved = figures();
    if (moved.elapsedMs < SHOW_AFTER_MS) return;
    const share = logicalBytes === 0 ? 1 : (thereBytes + moved.logical) / logicalBytes;
    // Zeros take no time, so that only chunks tell how much is left.
    const leftMs = remainingTimeMs({ doneBytes: moved.data, totalBytes: dataBytes, elapsedMs: moved.elapsedMs });
    const left = leftMs === undefined ? '' : `  about ${formatDuration(leftMs)} left`;
    const percent = `${Math.floor(share * 100)} %`;
    this.#region.update(
      [
        `${formatBar(share)} ${percent} of ${formatBytes(logicalBytes)}${left}`,
        this.#style.dim(`  ${formatRates(moved)}`),
      ],
      `${percent} of ${formatBytes(logicalBytes)}${left}; ${formatRates(moved)}`,
    );
  }

  end(): void {
    this.#region.end();
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
