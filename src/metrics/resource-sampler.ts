import { closeSync, openSync } from 'node:fs';

import { systemErrorCode } from '../model/errors.ts';
import type { SampleColumn } from '../model/records.ts';
import type { ByteScanner } from './byte-scanner.ts';

/** One row of samples.jsonl while it is filled; it starts as nulls. */
export type SampleValues = (number | null)[];

/** Reads one resource of the machine, again and again, with its files kept open. */
export interface ResourceSampler extends Disposable {
  readonly columns: readonly SampleColumn[];
  /** What cannot be had here, by the column or group of columns it would have been. */
  readonly unavailable: Readonly<Record<string, string>>;
  /**
   * Fills the row from `first` on, in the order of `columns`; what it leaves out or throws at stays null. The last row
   * (`isLast`) also takes what is otherwise read less often.
   */
  sample(values: SampleValues, first: number, isLast?: boolean): void;
}

/** Where samplers read; the tests plant other folders. */
export interface SampleSources {
  /** `/proc` */
  readonly proc: string;
  /** `/sys` */
  readonly sys: string;
  /** As `os.platform()` names it. */
  readonly platform: string;
  /** Shared by all samplers, which read one after the other. */
  readonly scanner: ByteScanner;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
}

/** How often what is dear to read and slow to change is read. */
export const SLOW_INTERVAL_MS = 1000;

/** Becomes due once per {@link SLOW_INTERVAL_MS}, whatever the interval of the samples. */
export class SlowTurn {
  readonly #now: () => number;
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(now: () => number) {
    this.#now = now;
  }

  take(): boolean {
    const now = this.#now();
    // A timer that is a little early must not cost a whole turn.
    if (now < this.#nextAt - SLOW_INTERVAL_MS / 20) return false;
    this.#nextAt = now + SLOW_INTERVAL_MS;
    return true;
  }
}

/** Reads a resource about once a second only; null in the rows between. */
export function sampleSlowly({ now }: SampleSources, sampler: ResourceSampler): ResourceSampler {
  const turn = new SlowTurn(now);
  return {
    columns: sampler.columns,
    unavailable: sampler.unavailable,
    sample(values, first, isLast) {
      if (turn.take() || isLast === true) sampler.sample(values, first);
    },
    [Symbol.dispose]: () => sampler[Symbol.dispose](),
  };
}

export const counter = (name: string): SampleColumn => ({ name, kind: 'counter' });
export const gauge = (name: string): SampleColumn => ({ name, kind: 'gauge' });

/** Why a file could not be read, in the words of a metric's reason. */
export function unreadableReason(error: unknown, path: string, platform: string): string {
  if (platform !== 'linux') return `unsupported: ${platform} has no ${path}`;
  const code = systemErrorCode(error);
  if (code === 'EACCES' || code === 'EPERM') return `not permitted: ${path}`;
  if (code === 'ENOENT' || code === 'ENOTDIR') return `unsupported: this kernel has no ${path}`;
  return `unsupported: ${path} cannot be read${code === undefined ? '' : ` (${code})`}`;
}

/** A resource that is not there: no columns, one reason. */
export function absentResource(name: string, reason: string): ResourceSampler {
  return { columns: [], unavailable: { [name]: reason }, sample: () => {}, [Symbol.dispose]: () => {} };
}

/** Fills `values` from `first` on out of a file's text; returns false when the text is not what was expected. */
export type SampleParser = (scanner: ByteScanner, values: SampleValues, first: number) => boolean;

export interface FileResource {
  /** Key of the reason when the file cannot be read, e.g. `pressure.cpu`. */
  readonly name: string;
  /** E.g. `/proc/pressure/cpu`. */
  readonly path: string;
  /** Looks at the file once: its columns, and how to read them from then on. */
  readonly inspect: (scanner: ByteScanner) => {
    readonly columns: readonly SampleColumn[];
    readonly parse: SampleParser;
  };
}

/** Samples one file; one that is missing or reads badly the first time is an absent resource. */
export function sampleFile(
  { platform, scanner }: SampleSources,
  { name, path, inspect }: FileResource,
): ResourceSampler {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    const kept = fd;
    const { columns, parse } = inspect(scanner.load(kept));
    if (
      !parse(
        scanner.load(kept),
        columns.map(() => null),
        0,
      )
    )
      throw new Error('not in the known form');
    return {
      columns,
      unavailable: {},
      sample: (values, first) => void parse(scanner.load(kept), values, first),
      [Symbol.dispose]: () => closeSync(kept),
    };
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    return absentResource(name, unreadableReason(error, path, platform));
  }
}

/** Several samplers as one, in their order; one that throws leaves its columns null. */
export function joinSamplers(samplers: readonly ResourceSampler[]): ResourceSampler {
  return {
    columns: samplers.flatMap(({ columns }) => columns),
    unavailable: Object.assign({}, ...samplers.map(({ unavailable }) => unavailable)) as Record<string, string>,
    sample(values, first, isLast) {
      let at = first;
      for (const sampler of samplers) {
        try {
          sampler.sample(values, at, isLast);
        } catch {
          // A single reading failed: its columns stay null in this row, which is what the format says of it.
        }
        at += sampler.columns.length;
      }
    },
    [Symbol.dispose]() {
      for (const sampler of samplers) sampler[Symbol.dispose]();
    },
  };
}
