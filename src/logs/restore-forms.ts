import { MiB } from '../model/units.ts';
import {
  DURATION,
  exactBytes,
  NUMBER,
  printedBytes,
  printedDuration,
  printedNumber,
  RATE,
  SIZE,
} from './printed-quantity.ts';
import type { LineForm } from './reading.ts';

/**
 * Summary of pbs-restore and its library (spec 9.1). Whatever the unit says: it is 2^20 bytes, and zeros are counted.
 */
const imageComplete: LineForm = {
  hint: /restore image/u,
  pattern: new RegExp(
    String.raw`restore image complete \(bytes=(?<bytes>\d{1,20}), ?duration=(?<seconds>${NUMBER})s, ?speed=(?<speed>${NUMBER}|inf|NaN) ?(?<unit>Mi?B)/s\)`,
    'gu',
  ),
  read({ bytes = '', seconds = '', speed = '', unit = '' }) {
    const duration = printedDuration(`${seconds}s`);
    const rate = printedNumber(speed, MiB, 'fixed');
    if (duration === undefined) return undefined;
    return {
      type: 'summary',
      kind: 'restore',
      program: 'pbs-restore',
      bytes: { logical: exactBytes(bytes) },
      duration,
      rates:
        rate === undefined ? [] : [{ ...rate, of: 'logical', text: `${speed}${unit}/s`, honestText: `${speed} MiB/s` }],
    };
  },
};

/** Progress of pbs-restore, and of qmrestore reading a VMA archive, which tells no zeros until its end. */
const imageProgress: LineForm = {
  hint: /progress \d/u,
  pattern:
    /progress \d{1,3}% \(read (?<bytes>\d{1,20}) bytes,(?: zeroes = \d{1,3}% \((?<zero>\d{1,20}) bytes\),)? duration (?<seconds>\d{1,12}) sec\)/gu,
  read({ bytes = '', zero, seconds = '' }) {
    const duration = printedDuration(`${seconds}s`);
    if (duration === undefined) return undefined;
    return {
      type: 'progress',
      kind: 'restore',
      program: zero === undefined ? 'qmrestore' : 'pbs-restore',
      bytes: { logical: exactBytes(bytes), ...(zero === undefined ? {} : { zero: exactBytes(zero) }) },
      duration,
    };
  },
};

/** End of a VMA archive. */
const sparseBytes: LineForm = {
  hint: /total bytes read/u,
  pattern: /total bytes read (?<bytes>\d{1,20}), sparse bytes (?<zero>\d{1,20}) \(/gu,
  read: ({ bytes = '', zero = '' }) => ({
    type: 'summary',
    kind: 'restore',
    program: 'qmrestore',
    bytes: { logical: exactBytes(bytes), zero: exactBytes(zero) },
    rates: [],
  }),
};

/** Summary of `proxmox-backup-client restore`, since 4.2.3. */
const clientComplete: LineForm = {
  hint: /restore complete/u,
  pattern: new RegExp(
    String.raw`restore complete \((?<size>${SIZE}) processed in (?<time>${DURATION}), average (?<rate>${RATE})\)`,
    'gu',
  ),
  read({ size = '', time = '', rate = '' }) {
    const logical = printedBytes(size, 'trimmed');
    const duration = printedDuration(time);
    const printed = printedBytes(rate, 'trimmed');
    if (logical === undefined || duration === undefined || printed === undefined) return undefined;
    return {
      type: 'summary',
      kind: 'restore',
      program: 'proxmox-backup-client',
      bytes: { logical },
      duration,
      rates: [{ ...printed, of: 'logical', honestText: rate }],
    };
  },
};

/** Progress of `proxmox-backup-client restore`; the words of its summary without `complete`. */
const clientProgress: LineForm = {
  hint: / processed in /u,
  pattern: new RegExp(String.raw`(?<!complete \(|[\d.])(?<size>${SIZE}) processed in (?<time>${DURATION})`, 'gu'),
  read({ size = '', time = '' }) {
    const logical = printedBytes(size, 'trimmed');
    const duration = printedDuration(time);
    if (logical === undefined || duration === undefined) return undefined;
    return { type: 'progress', kind: 'restore', program: 'proxmox-backup-client', bytes: { logical }, duration };
  },
};

const decodeThreads: LineForm = {
  hint: /using up to/u,
  pattern: /using up to (?<count>\d{1,6}) threads/gu,
  read: ({ count = '' }) => ({ type: 'setting', name: 'decodeThreads', value: Number(count) }),
};

const inFlight: LineForm = {
  hint: /fetching up to/u,
  pattern: /fetching up to (?<count>\d{1,6}) chunks in parallel/gu,
  read: ({ count = '' }) => ({ type: 'setting', name: 'inFlight', value: Number(count) }),
};

/** The command that qmrestore starts for each drive. */
const startedImage: LineForm = {
  hint: /pbs-restore --repository/u,
  pattern: /pbs-restore --repository .{1,400}? (?<archive>[\w.-]{1,100}\.img\.fidx) /gu,
  read: ({ archive = '' }) => ({ type: 'archive', archive }),
};

export const restoreForms: readonly LineForm[] = [
  imageComplete,
  imageProgress,
  sparseBytes,
  clientComplete,
  clientProgress,
  decodeThreads,
  inFlight,
  startedImage,
];
