import { DURATION, NUMBER, printedBytes, printedDuration, printedNumber, RATE, SIZE } from './printed-quantity.ts';
import type { LineForm } from './reading.ts';

const PERCENT = String.raw`(?<percent>${NUMBER}) ?%`;

/**
 * Summary of one archive of `proxmox-backup-client backup`. Its average counts the chunks that had to be uploaded, not the
 * archive. Releases before 3 said `upload` and `average speed`.
 */
const archiveUploaded: LineForm = {
  hint: /had to (?:backup|upload)/u,
  pattern: new RegExp(
    String.raw`(?<archive>[^\s:]{1,200}): had to (?:backup|upload) (?<uploaded>${SIZE}) of (?<size>${SIZE})(?: \(compressed (?<compressed>${SIZE})\))? in (?<time>${DURATION})(?: \(average|, average speed) (?<rate>${RATE})`,
    'gu',
  ),
  read({ archive = '', uploaded = '', size = '', compressed, time = '', rate = '' }) {
    const logical = printedBytes(size, 'trimmed');
    const fresh = printedBytes(uploaded, 'trimmed');
    const encoded = compressed === undefined ? undefined : printedBytes(compressed, 'trimmed');
    const duration = printedDuration(time);
    const printed = printedBytes(rate, 'trimmed');
    if (logical === undefined || fresh === undefined || duration === undefined || printed === undefined)
      return undefined;
    return {
      type: 'summary',
      kind: 'backup',
      program: 'proxmox-backup-client',
      archive,
      bytes: { logical, uploaded: fresh, ...(encoded === undefined ? {} : { compressed: encoded }) },
      duration,
      rates: [{ ...printed, of: 'uploaded', honestText: rate }],
    };
  },
};

const reused: LineForm = {
  hint: /backup was done incrementally/u,
  pattern: new RegExp(
    String.raw`(?:(?<archive>[^\s:]{1,200}): )?backup was done incrementally, reused (?<size>${SIZE}) \(${PERCENT}\)`,
    'gu',
  ),
  read({ archive, size = '', percent = '' }) {
    const bytes = printedBytes(size, 'trimmed');
    const share = printedNumber(percent, 1, 'fixed');
    if (bytes === undefined || share === undefined) return undefined;
    // A task log has its level before the text of vzdump.
    const name = archive === undefined || /^[A-Z]+$/u.test(archive) ? {} : { archive };
    return { type: 'reused', bytes, percent: share, ...name };
  },
};

/** Summary of vzdump into a PBS: all that was read of the disks. */
const transferred: LineForm = {
  hint: /transferred \d/u,
  pattern: new RegExp(
    String.raw`transferred (?<size>${SIZE}) in (?<time><? ?\d{1,12} seconds?)(?: \((?<rate>${RATE})\))?`,
    'gu',
  ),
  read({ size = '', time = '', rate }) {
    const logical = printedBytes(size, 'fixed');
    const duration = printedDuration(time);
    const printed = rate === undefined ? undefined : printedBytes(rate, 'fixed');
    if (logical === undefined || duration === undefined) return undefined;
    return {
      type: 'summary',
      kind: 'backup',
      program: 'vzdump',
      bytes: { logical },
      duration,
      rates: printed === undefined || rate === undefined ? [] : [{ ...printed, of: 'logical', honestText: rate }],
    };
  },
};

/** Progress of vzdump; the rates in it are of the time since the line before, so that they are not taken for averages. */
const transferProgress: LineForm = {
  hint: /% \(\d/u,
  pattern: new RegExp(
    String.raw`\d{1,3}% \((?<size>${SIZE}) of ${SIZE}\) in (?<time>${DURATION}), read: ${RATE}, write: ${RATE}`,
    'gu',
  ),
  read({ size = '', time = '' }) {
    const logical = printedBytes(size, 'fixed');
    const duration = printedDuration(time);
    if (logical === undefined || duration === undefined) return undefined;
    return { type: 'progress', kind: 'backup', program: 'vzdump', bytes: { logical }, duration };
  },
};

const sparse: LineForm = {
  hint: /backup is sparse/u,
  pattern: new RegExp(String.raw`backup is sparse: (?<size>${SIZE}) \(${NUMBER} ?%\) total zero data`, 'gu'),
  read({ size = '' }) {
    const bytes = printedBytes(size, 'fixed');
    return bytes === undefined ? undefined : { type: 'zero', bytes };
  },
};

/** Progress of `proxmox-backup-client backup`, since 3.3. */
const clientProgress: LineForm = {
  hint: /processed \d/u,
  pattern: new RegExp(
    String.raw`processed (?<size>${SIZE}) in (?<time>${DURATION}), uploaded (?<uploaded>${SIZE})`,
    'gu',
  ),
  read({ size = '', time = '', uploaded = '' }) {
    const logical = printedBytes(size, 'trimmed');
    const fresh = printedBytes(uploaded, 'trimmed');
    const duration = printedDuration(time);
    if (logical === undefined || fresh === undefined || duration === undefined) return undefined;
    return {
      type: 'progress',
      kind: 'backup',
      program: 'proxmox-backup-client',
      bytes: { logical, uploaded: fresh },
      duration,
    };
  },
};

/** One index of a verify job: what lies in the store, then what it decodes to. */
const verified: LineForm = {
  hint: /verified \d/u,
  pattern: new RegExp(
    String.raw`verified (?<stored>${NUMBER})/(?<plain>${NUMBER}) MiB in (?<time>${NUMBER}) seconds, speed (?<storedRate>${NUMBER})/(?<plainRate>${NUMBER}) MiB/s`,
    'gu',
  ),
  read({ stored = '', plain = '', time = '', storedRate = '', plainRate = '' }) {
    const bytes = { stored: printedBytes(`${stored} MiB`, 'fixed'), plain: printedBytes(`${plain} MiB`, 'fixed') };
    const duration = printedDuration(`${time}s`);
    const rates = [
      ['stored', `${storedRate} MiB/s`],
      ['plain', `${plainRate} MiB/s`],
    ].flatMap(([of = '', text = '']) => {
      const printed = printedBytes(text, 'fixed');
      return printed === undefined ? [] : [{ ...printed, of, honestText: text }];
    });
    if (bytes.stored === undefined || bytes.plain === undefined || duration === undefined) return undefined;
    return {
      type: 'summary',
      kind: 'verify',
      program: 'proxmox-backup-server',
      bytes: { stored: bytes.stored, plain: bytes.plain },
      duration,
      rates,
    };
  },
};

export const backupForms: readonly LineForm[] = [
  archiveUploaded,
  reused,
  transferred,
  transferProgress,
  sparse,
  clientProgress,
  verified,
];
