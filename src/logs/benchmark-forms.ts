import { MB } from '../model/units.ts';
import { NUMBER, printedDuration, printedNumber } from './printed-quantity.ts';
import type { BenchmarkTest, LineForm, PrintedRate } from './reading.ts';

/** What the log lines call each test, and what the table does (spec 11.2). */
const names: Readonly<Record<string, BenchmarkTest>> = {
  'TLS speed': 'tls',
  'SHA256 speed': 'sha256',
  'Compression speed': 'compress',
  'Decompress speed': 'decompress',
  'AES256/GCM speed': 'aes256_gcm',
  'Verify speed': 'verify',
  'TLS (maximal backup upload speed)': 'tls',
  'SHA256 checksum computation speed': 'sha256',
  'ZStd level 1 compression speed': 'compress',
  'ZStd level 1 decompression speed': 'decompress',
  'Chunk verification speed': 'verify',
  'AES256 GCM encryption speed': 'aes256_gcm',
};

const anyName = Object.keys(names)
  .map((name) => name.replaceAll(/[()/]/gu, String.raw`\$&`))
  .join('|');

/** The MB of the benchmark is 10^6 bytes, as it says. */
function rateOf(test: BenchmarkTest, speed: string): PrintedRate | undefined {
  const printed = printedNumber(speed, MB, 'fixed');
  return printed === undefined
    ? undefined
    : { ...printed, of: test, text: `${speed} MB/s`, honestText: `${speed} MB/s` };
}

const testLine: LineForm = {
  hint: / speed/u,
  pattern: new RegExp(
    String.raw`(?<name>${anyName})(?: *[│|:] *)(?<speed>${NUMBER}) MB/s(?: \((?<percent>\d{1,9})%\))?`,
    'gu',
  ),
  read({ name = '', speed = '', percent }) {
    const test = names[name];
    const rate = test === undefined ? undefined : rateOf(test, speed);
    if (test === undefined || rate === undefined) return undefined;
    const share = percent === undefined ? undefined : printedNumber(percent, 1, 'fixed');
    return { type: 'benchmark', test, rate, ...(share === undefined ? {} : { percent: share }) };
  },
};

/** `--output-format json` and `json-pretty`: bytes per second, without a `speed` where a test was not run. */
const testObject: LineForm = {
  hint: /"(?:tls|sha256|compress|decompress|aes256_gcm|verify)" ?:/u,
  pattern: /"(?<test>tls|sha256|compress|decompress|aes256_gcm|verify)" ?: ?\{(?<fields>[^{}]{1,300})\}/gu,
  read({ test = '', fields = '' }) {
    const number = (name: string): string | undefined =>
      new RegExp(String.raw`"${name}" ?: ?(\d{1,24}(?:\.\d{1,24})?)`, 'u').exec(fields)?.[1];
    const speed = number('speed');
    const top = number('top');
    if (speed === undefined) return undefined;
    const value = Number(speed);
    const text = `${speed} B/s`;
    const rate: PrintedRate = { of: test, text, honestText: text, value, low: value, high: value };
    return {
      type: 'benchmark',
      test: test as BenchmarkTest,
      rate,
      ...(top === undefined ? {} : { reference: Number(top) }),
    };
  },
};

/** Whole seconds, cut. */
const uploadedChunks: LineForm = {
  hint: /Uploaded \d/u,
  pattern: /Uploaded (?<chunks>\d{1,12}) chunks in (?<seconds>\d{1,12}) seconds/gu,
  read({ chunks = '', seconds = '' }) {
    const duration = printedDuration(`${seconds}s`);
    return duration === undefined ? undefined : { type: 'uploaded-chunks', chunks: Number(chunks), duration };
  },
};

/** Whole microseconds, cut. */
const timePerRequest: LineForm = {
  hint: /Time per request/u,
  pattern: /Time per request: (?<micros>\d{1,15}) microseconds/gu,
  read({ micros = '' }) {
    const value = Number(micros) / 1000;
    return {
      type: 'time-per-request',
      duration: { text: `${micros} microseconds`, value, low: value, high: value + 0.001 },
    };
  },
};

export const benchmarkForms: readonly LineForm[] = [testLine, testObject, uploadedChunks, timePerRequest];
