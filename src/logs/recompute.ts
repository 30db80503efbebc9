import type { RateName } from '../model/objective.ts';
import { MB, MiB } from '../model/units.ts';
import type { LogFlag, LoggedRate } from './logged-operation.ts';
import { overlaps, rateBetween, type PrintedQuantity } from './printed-quantity.ts';
import type { LoggedBytes, LoggedKind, PrintedRate } from './reading.ts';

/** An operation as its lines tell it. */
export interface Told {
  readonly kind: LoggedKind;
  readonly line: number;
  readonly bytes: LoggedBytes;
  readonly duration?: PrintedQuantity;
  readonly printed: readonly PrintedRate[];
}

/** The four rates as far as they can be known, and where the figures do not fit together. */
export interface Recomputed {
  readonly rates: Readonly<Record<RateName, LoggedRate>>;
  readonly flags: readonly LogFlag[];
}

type Interval = Pick<PrintedQuantity, 'low' | 'high'>;

/**
 * Computes each rate from size and duration, and holds every printed rate against it. A printed rate that agrees was made
 * from a duration with more digits than the one beside it: it narrows what is known of the duration, and by that all rates.
 */
export function recompute(told: Told): Recomputed {
  const flags: LogFlag[] = [...sizeFlags(told)];
  let { duration } = told;
  for (const rate of told.printed) {
    const size = told.bytes[rate.of as keyof LoggedBytes];
    if (size === undefined || told.duration === undefined || duration === undefined) continue;
    const between = rateBetween(size, told.duration);
    if (overlaps(between, rate)) duration = narrowed(duration, size, rate);
    else flags.push({ code: 'rate-disagrees', line: told.line, sentence: disagreement(size, told.duration, rate) });
  }
  return { rates: fourRates(told, duration), flags };
}

function fourRates(
  { kind, bytes }: Told,
  duration: PrintedQuantity | undefined,
): Readonly<Record<RateName, LoggedRate>> {
  const rate = (size: PrintedQuantity | undefined, method: string, missing: string): LoggedRate => {
    if (size === undefined) return { unavailable: missing };
    if (duration === undefined) return { unavailable: 'the log does not say how long it took' };
    const { low, high } = rateBetween(size, duration);
    if (!Number.isFinite(high))
      return { unavailable: `the duration is printed as ${duration.text}: too short to divide by` };
    return { bytesPerSecond: (size.value * 1000) / duration.value, interval: [low, high], method };
  };
  const data = dataBytes(bytes);
  return {
    logical: rate(
      bytes.logical,
      'all bytes, zeros included / duration',
      kind === 'verify' ? CHUNKS_ONLY : 'the log does not say how many bytes there were',
    ),
    data: rate(data, 'bytes without zeros / duration', kind === 'verify' ? CHUNKS_ONLY : missingData(bytes)),
    unique: { unavailable: kind === 'verify' ? CHUNKS_ONLY : missingUnique(bytes) },
    wire: rate(
      bytes.compressed,
      'encoded bytes of uploaded chunks, without framing / duration',
      kind === 'verify'
        ? 'a verify reads chunks where they lie'
        : 'the log does not say how many bytes crossed the link',
    ),
  };
}

function dataBytes({ logical, zero }: LoggedBytes): PrintedQuantity | undefined {
  if (logical === undefined || zero === undefined || zero.low > logical.high) return undefined;
  return {
    text: `${logical.text} less ${zero.text}`,
    value: Math.max(0, logical.value - zero.value),
    low: Math.max(0, logical.low - zero.high),
    high: logical.high - zero.low,
  };
}

const CHUNKS_ONLY = 'a verify reads chunks, not images';

function missingUnique({ uploaded }: LoggedBytes): string {
  return uploaded === undefined
    ? 'the log does not say which chunks repeat'
    : 'what had to be uploaded is what the server did not have, not what is distinct';
}

function missingData({ logical, zero }: LoggedBytes): string {
  return logical === undefined || zero === undefined
    ? 'the log does not say how many of the bytes were zeros'
    : 'the log counts more zeros than bytes';
}

/** The duration that fits both: what was printed of it, and size / rate. */
function narrowed(duration: PrintedQuantity, size: PrintedQuantity, rate: PrintedQuantity): PrintedQuantity {
  if (!(rate.low > 0)) return duration;
  const byRate = { low: (size.low * 1000) / rate.high, high: (size.high * 1000) / rate.low };
  const low = Math.max(duration.low, byRate.low);
  const high = Math.max(low, Math.min(duration.high, byRate.high));
  const isFiner = byRate.high - byRate.low < duration.high - duration.low;
  const value = isFiner ? (size.value * 1000) / rate.value : duration.value;
  return { text: duration.text, value: Math.min(Math.max(value, low), high), low, high };
}

function disagreement(size: PrintedQuantity, duration: PrintedQuantity, rate: PrintedRate): string {
  const { low, high } = rateBetween(size, duration);
  const inMiB = (value: number): string => (Number.isFinite(value) ? (value / MiB).toFixed(2) : 'any number of');
  const between = `${inMiB(low)} to ${inMiB(high)} MiB/s`;
  const decimal = MB / MiB;
  const asDecimal: Interval = { low: rate.low * decimal, high: rate.high * decimal };
  const hint =
    rate.text !== rate.honestText && overlaps({ low, high }, asDecimal)
      ? '; it would agree if MB were 10^6 bytes, which this program does not mean'
      : '';
  return `${rate.honestText} is printed, but ${byteText(size)} in ${duration.text} are ${between}${hint}`;
}

const byteText = ({ text }: PrintedQuantity): string => (/^\d+$/u.test(text) ? `${text} bytes` : text);

/** What was uploaded and what was reused are the whole. */
function sizeFlags({ bytes: { logical, uploaded, reused, zero }, line }: Told): readonly LogFlag[] {
  const flags: LogFlag[] = [];
  if (logical !== undefined && uploaded !== undefined && reused !== undefined) {
    const sum = { low: uploaded.low + reused.low, high: uploaded.high + reused.high };
    if (!overlaps(sum, logical)) {
      const sentence = `${uploaded.text} uploaded and ${reused.text} reused are not the ${logical.text} of the archive`;
      flags.push({ code: 'sizes-disagree', line, sentence });
    }
  }
  if (logical !== undefined && zero !== undefined && zero.low > logical.high) {
    const sentence = `${byteText(zero)} of zeros are more than the ${byteText(logical)} that there are`;
    flags.push({ code: 'sizes-disagree', line, sentence });
  }
  return flags;
}
