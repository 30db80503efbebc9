import type { LoggedOperation, LoggedRate, ParsedLog } from '../logs/logged-operation.ts';
import type { PrintedQuantity } from '../logs/printed-quantity.ts';
import { benchmarkTestNames } from '../logs/recompute-benchmark.ts';
import type { LoggedBytes, LogProgram } from '../logs/reading.ts';
import { rateNames } from '../model/objective.ts';
import { formatShare, GB, MB } from '../model/units.ts';
import { formatTable } from '../ui/table.ts';

const programNames: Readonly<Record<LogProgram, string>> = {
  'pbs-restore': 'pbs-restore or its library',
  'proxmox-backup-client': 'proxmox-backup-client',
  vzdump: 'vzdump',
  qmrestore: 'qmrestore from a VMA archive',
  'proxmox-backup-server': 'proxmox-backup-server',
};

const byteNames: Readonly<Record<keyof LoggedBytes, string>> = {
  logical: 'logical',
  zero: 'zeros',
  uploaded: 'new to the server',
  compressed: 'as uploaded (compressed)',
  reused: 'reused',
  stored: 'stored',
  plain: 'decoded',
};

/** Every operation of a log with its four rates, and what was printed of it in the unit that it really is in. */
export function describeLog({ operations }: ParsedLog): string {
  return operations.map(describeOperation).join('\n');
}

function describeOperation(operation: LoggedOperation): string {
  const { kind, program, line, archive, flags } = operation;
  const head = [
    `line ${line}: ${kind}${archive === undefined ? '' : ` of ${archive}`} by ${programNames[program]}`,
    ...settingTexts(operation.settings),
  ].join(', ');
  const rows = kind === 'benchmark' ? benchmarkRows(operation) : operationRows(operation);
  return `${head}\n${formatTable(rows, { indent: '  ' })}${flags.map(({ sentence }) => `  FLAGGED: ${sentence}\n`).join('')}`;
}

function settingTexts({ inFlight, decodeThreads }: LoggedOperation['settings']): readonly string[] {
  return [
    ...(inFlight === undefined ? [] : [`${inFlight} in flight`]),
    ...(decodeThreads === undefined ? [] : [`${decodeThreads} threads`]),
  ];
}

function operationRows({ bytes, durationMs, printed, rates }: LoggedOperation): string[][] {
  const told = (Object.keys(byteNames) as (keyof LoggedBytes)[]).flatMap((name) => {
    const size = bytes[name];
    return size === undefined ? [] : [`${byteText(size)} ${byteNames[name]}`];
  });
  const during = durationMs === undefined ? '' : `, in ${durationMs.text}`;
  return [
    ['told', `${told.join(', ')}${during}`],
    ...printed.map((rate) => {
      const isRelabelled = rate.text.replaceAll(' ', '') !== rate.honestText.replaceAll(' ', '');
      const label = isRelabelled ? `, labelled ${rate.text}` : '';
      return ['printed', `${rate.honestText} (${byteNames[rate.of as keyof LoggedBytes]}${label})`];
    }),
    ...rateNames.map((name) => [name, rateText(rates[name])]),
  ];
}

function benchmarkRows({ tests, rates }: LoggedOperation): string[][] {
  return [
    ...tests.map(({ test, rate, shareOfReference }) => [
      benchmarkTestNames[test],
      `${rate.text.endsWith(' B/s') ? decimalRate(rate.value) : rate.honestText}${shareOfReference === undefined ? '' : ` (${formatShare(shareOfReference)} of the reference machine)`}`,
    ]),
    ...rateNames.map((name) => [name, rateText(rates[name])]),
  ];
}

function rateText(rate: LoggedRate): string {
  if ('unavailable' in rate) return `unknown: ${rate.unavailable}`;
  const { bytesPerSecond, interval, method } = rate;
  return `${decimalRate(bytesPerSecond)} (${interval.map(decimalRate).join(' to ')}), ${method}`;
}

/** With two decimals: a log is read to compare it with another. */
function decimalRate(bytesPerSecond: number): string {
  if (bytesPerSecond >= GB) return `${(bytesPerSecond / GB).toFixed(3)} GB/s`;
  if (bytesPerSecond >= MB) return `${(bytesPerSecond / MB).toFixed(2)} MB/s`;
  return `${(bytesPerSecond / 1000).toFixed(2)} kB/s`;
}

const byteText = ({ text }: PrintedQuantity): string => (/^\d+$/u.test(text) ? `${text} bytes` : text);
