import { nearestName } from './nearest-name.ts';
import { describe, quote } from './wording.ts';

export type QuantityKind = 'size' | 'duration' | 'rate' | 'share' | 'cpuCost';

interface KindOfQuantity {
  /** What one value of it is called in a sentence. */
  readonly noun: string;
  /** Unit as written -> how many base units it holds. */
  readonly units: Readonly<Record<string, number>>;
  /** Other people's spellings -> ours, where the nearest name by letters would be wrong. */
  readonly spellings: Readonly<Record<string, string>>;
  /** Appended to the name of a field to name its value in base units. */
  readonly baseUnitSuffix: '' | 'Bytes' | 'BytesPerSecond' | 'Ms' | 'SecondsPerGb';
  readonly examples: readonly [string, ...string[]];
}

const sizeUnits = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
} as const;

const byteRateUnits = Object.fromEntries(Object.entries(sizeUnits).map(([unit, bytes]) => [`${unit}/s`, bytes]));

/** The kinds of quantities that a scenario knows; base units are bytes, milliseconds, bytes per second, 1 and s/GB. */
export const quantityKinds: Readonly<Record<QuantityKind, KindOfQuantity>> = {
  size: {
    noun: 'a size',
    units: sizeUnits,
    spellings: { k: 'KiB', m: 'MiB', g: 'GiB', t: 'TiB', byte: 'B', bytes: 'B' },
    baseUnitSuffix: 'Bytes',
    examples: ['512 MiB', '4 GiB', '500 MB'],
  },
  duration: {
    noun: 'a duration',
    units: { us: 1e-3, ms: 1, s: 1e3, min: 60e3 },
    spellings: {
      µs: 'us',
      μs: 'us',
      sec: 's',
      secs: 's',
      second: 's',
      seconds: 's',
      m: 'min',
      minute: 'min',
      minutes: 'min',
      msec: 'ms',
    },
    baseUnitSuffix: 'Ms',
    examples: ['30 ms', '250 us', '1.5 s', '2 min'],
  },
  rate: {
    noun: 'a rate',
    units: { 'bit/s': 1 / 8, 'kbit/s': 1e3 / 8, 'Mbit/s': 1e6 / 8, 'Gbit/s': 1e9 / 8, ...byteRateUnits },
    spellings: {
      bps: 'bit/s',
      kbps: 'kbit/s',
      mbps: 'Mbit/s',
      gbps: 'Gbit/s',
      'mb/s': 'MB/s',
      'gb/s': 'GB/s',
      'kb/s': 'kB/s',
      mib: 'MiB/s',
      gib: 'GiB/s',
      mb: 'MB/s',
      gb: 'GB/s',
      mbit: 'Mbit/s',
      gbit: 'Gbit/s',
    },
    baseUnitSuffix: 'BytesPerSecond',
    examples: ['2.5 Gbit/s', '100 Mbit/s', '120 MB/s', '1 GiB/s'],
  },
  share: {
    noun: 'a share',
    units: { '%': 1 / 100 },
    spellings: { percent: '%', pct: '%' },
    baseUnitSuffix: '',
    examples: ['10 %', '0.5 %'],
  },
  cpuCost: {
    noun: 'a CPU cost',
    units: { 's/GB': 1, 'ms/GB': 1e-3 },
    spellings: {},
    baseUnitSuffix: 'SecondsPerGb',
    examples: ['2.5 s/GB', '900 ms/GB'],
  },
};

/** What parsing gives: a value in base units, or what is wrong and what would be right. */
export type ParsedQuantity = { readonly value: number } | { readonly message: string; readonly allowed: string };

/** A number as people write it, then whatever follows it. Exponents and digit groups are left out on purpose. */
const numberAndRest = /^(?<sign>[+-]?)(?<digits>\d+(?:\.\d+)?|\.\d+)(?<rest>.*)$/su;

/**
 * Parses `512 MiB`, `30 ms`, `2.5 Gbit/s` or `10 %`; the blank is optional, the unit is not. Negative values are
 * refused. Sizes are rounded to whole bytes.
 */
export function parseQuantity(kind: QuantityKind, written: unknown): ParsedQuantity {
  const { noun, units, spellings } = quantityKinds[kind];
  const allowed = allowedQuantity(kind);
  if (typeof written === 'number') {
    // YAML reads `0.1` as a number; a share is the one kind whose intended value is then plain to see.
    const percent = Math.round(written * 1e9) / 1e7;
    const isPart = kind === 'share' && written > 0 && written <= 1;
    return {
      message: `\`${written}\` has no unit${isPart ? `; did you mean \`${percent} %\`?` : ''}`,
      allowed: allowedQuantity(kind, written >= 0 ? String(isPart ? percent : written) : undefined),
    };
  }
  if (typeof written !== 'string') return { message: `expected ${noun}, found ${describe(written)}`, allowed };
  const text = written.trim();
  const { sign = '', digits = '', rest = '' } = numberAndRest.exec(text)?.groups ?? {};
  if (digits === '') return { message: `${quote(text)} is not ${noun}`, allowed };
  const unit = rest.trim();
  if (unit === '')
    return { message: `${quote(text)} has no unit`, allowed: allowedQuantity(kind, sign === '-' ? undefined : digits) };
  if (/^(?:[.,_\d]|e[+-]?\d)/iu.test(unit))
    return { message: `${quote(text)} is not ${noun}: write its number as 1000 or 1.5`, allowed };
  const scale = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (scale === undefined) {
    const lower = unit.toLowerCase();
    const near =
      (Object.hasOwn(spellings, lower) ? spellings[lower] : undefined) ??
      Object.keys(units).find((name) => name.toLowerCase() === lower) ??
      nearestName(unit, Object.keys(units));
    const meant = near === undefined ? '' : `; did you mean \`${digits} ${near}\`?`;
    return { message: `${quote(text)}: unknown unit ${quote(unit)}${meant}`, allowed };
  }
  if (sign === '-') return { message: `${quote(text)} is negative`, allowed: `${allowed}, 0 or more` };
  const value = Number(digits) * scale;
  if (!Number.isFinite(value)) return { message: `${quote(text)} is too large`, allowed };
  // Multiplying by 1e-2 leaves a last digit that nobody wrote: 7 * 0.01 is 0.07000000000000001.
  return { value: kind === 'size' ? Math.round(value) : Number(value.toPrecision(15)) };
}

/** Units and an example, for the last line of a message; the example has the number `digits` where one was written. */
export function allowedQuantity(kind: QuantityKind, digits?: string): string {
  const { noun, units, examples } = quantityKinds[kind];
  const example = digits === undefined ? examples[0] : examples[0].replace(/^\S+/u, digits);
  return `${noun} with a unit (${Object.keys(units).join(', ')}), for example ${example}`;
}

/** A regular expression (ECMA 262, for JSON Schema) that every accepted text of the kind matches. */
export function quantityPattern(kind: QuantityKind): string {
  const units = Object.keys(quantityKinds[kind].units).map((unit) => unit.replaceAll('/', '\\/'));
  return `^\\s*\\+?(\\d+(\\.\\d+)?|\\.\\d+)\\s*(${units.join('|')})\\s*$`;
}

/** `link.rate` -> `link.rateBytesPerSecond` */
export function baseUnitName(kind: QuantityKind, field: string): string {
  const suffix = quantityKinds[kind].baseUnitSuffix;
  return suffix === '' || field.endsWith(suffix) ? field : `${field}${suffix}`;
}
