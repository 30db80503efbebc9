import { GB, GiB, KiB, MB, MiB } from '../model/units.ts';

/** A figure of a log in base units, and between which values its rounding leaves the true one. */
export interface PrintedQuantity {
  /** As it stands in the log. */
  readonly text: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * How a program rounds. `fixed`: to the digits that are there. `trimmed`: to three decimals, of which zeros at the end are
 * not printed, so that `48` means 48.000 (sizes and rates of proxmox-backup-client).
 */
export type Rounding = 'fixed' | 'trimmed';

const TRIMMED_DECIMALS = 3;

/** A number without sign or exponent, and few enough digits that no pattern has to look far. */
export const NUMBER: string = String.raw`\d{1,24}(?:\.\d{1,12})?`;
const BINARY_OR_DECIMAL = String.raw`(?:[KMGTP]i?)?B`;
/** `14 MiB`, `931 B` */
export const SIZE: string = String.raw`${NUMBER} ?${BINARY_OR_DECIMAL}`;
/** `186.336 MiB/s` */
export const RATE: string = String.raw`${SIZE}\/s`;
const TIME_UNIT = String.raw`(?:years?|y|months?|weeks?|w|days?|d|hours?|h|minutes?|mins?|m|seconds?|secs?|s)`;
/** `0.08 s`, `<0.1s`, `1m 5s`, `2h 3min`, `257 seconds` */
export const DURATION: string = String.raw`<? ?${NUMBER} ?${TIME_UNIT}\b(?: ?${NUMBER} ?${TIME_UNIT}\b){0,6}`;

const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1000,
  MB,
  GB,
  TB: 1000 * GB,
  PB: 1_000_000 * GB,
  KiB,
  MiB,
  GiB,
  TiB: 1024 * GiB,
  PiB: 1024 ** 2 * GiB,
};

/** Seconds of a unit; of months and years what PBS takes them for. */
const unitSeconds: Readonly<Record<string, number>> = {
  y: 365.25 * 86_400,
  month: 30.4375 * 86_400,
  w: 7 * 86_400,
  d: 86_400,
  h: 3600,
  m: 60,
  s: 1,
};

/** A whole number of bytes, which nobody rounded. */
export function exactBytes(text: string): PrintedQuantity {
  const value = Number(text);
  return { text, value, low: value, high: value };
}

/** A plain number times `factor`; undefined for `inf`, `NaN` and other text. */
export function printedNumber(text: string, factor: number, rounding: Rounding): PrintedQuantity | undefined {
  if (!/^\d+(?:\.\d+)?$/u.test(text)) return undefined;
  const decimals = text.split('.')[1]?.length ?? 0;
  const step = 10 ** -(rounding === 'trimmed' ? Math.max(decimals, TRIMMED_DECIMALS) : decimals);
  const value = Number(text);
  return {
    text,
    value: value * factor,
    low: Math.max(0, value - step / 2) * factor,
    high: (value + step / 2) * factor,
  };
}

/** A size, or a rate per second, with its unit taken at its word: `MiB` is 2^20, `MB` is 10^6. */
export function printedBytes(text: string, rounding: Rounding): PrintedQuantity | undefined {
  const [, number, unit] = /^([\d.]+) ?([KMGTP]?i?B)(?:\/s)?$/u.exec(text) ?? [];
  const factor = unit === undefined ? undefined : unitBytes[unit];
  if (number === undefined || factor === undefined) return undefined;
  const printed = printedNumber(number, factor, rounding);
  return printed === undefined ? undefined : { ...printed, text };
}

/**
 * A duration in milliseconds. Whole seconds may have been cut as well as rounded, which a log does not tell: they stand
 * for anything from half a second less to one more.
 */
export function printedDuration(text: string): PrintedQuantity | undefined {
  let seconds = 0;
  let step = 1;
  let parts = 0;
  for (const [, number = '', unit = ''] of text.matchAll(/([\d.]+) ?([a-z]+)/gu)) {
    const name = unit.startsWith('mo') ? 'month' : unit.charAt(0);
    seconds += Number(number) * (unitSeconds[name] ?? Number.NaN);
    step = (unitSeconds[name] ?? Number.NaN) * 10 ** -(number.split('.')[1]?.length ?? 0);
    parts += 1;
  }
  if (parts === 0 || !Number.isFinite(seconds)) return undefined;
  if (text.startsWith('<')) return { text, value: (seconds * 1000) / 2, low: 0, high: seconds * 1000 };
  const above = step >= 1 ? step : step / 2;
  return { text, value: seconds * 1000, low: Math.max(0, seconds - step / 2) * 1000, high: (seconds + above) * 1000 };
}

/** Rounding errors of a division in double precision, relative. */
const EPSILON = 1e-9;

/** Whether one true value can lie behind both. */
export function overlaps(
  one: Pick<PrintedQuantity, 'low' | 'high'>,
  other: Pick<PrintedQuantity, 'low' | 'high'>,
): boolean {
  return one.low <= other.high * (1 + EPSILON) && other.low <= one.high * (1 + EPSILON);
}

/** Bytes per second between which `bytes` in `durationMs` lie; Infinity where the duration may have been 0. */
export function rateBetween(
  bytes: Pick<PrintedQuantity, 'low' | 'high'>,
  durationMs: Pick<PrintedQuantity, 'low' | 'high'>,
): { readonly low: number; readonly high: number } {
  return { low: quotient(bytes.low, durationMs.high), high: quotient(bytes.high, durationMs.low) };
}

function quotient(bytes: number, ms: number): number {
  if (ms > 0) return (bytes * 1000) / ms;
  return Infinity;
}
