import type { RecordedWarning, TrialRecord } from '../model/records.ts';
import { WIRE_UNSEEN } from './measured-trials.ts';

/** What the reader of figures of a black box must know of them. */
export function externalWarnings(label: string, trials: readonly TrialRecord[]): readonly RecordedWarning[] {
  const run = trials.filter(({ external }) => external !== undefined);
  if (run.length === 0) return [];
  const warnings: RecordedWarning[] = [
    {
      code: 'external-start-included',
      sentence: `Duration and CPU of ${label} are those of a whole program: its start, log-in and download of the index are in them, which the strategies of this tool leave out. Compare on images that take many seconds.`,
    },
  ];
  const unseen = run.find(({ notVerifiable }) => notVerifiable !== undefined)?.notVerifiable;
  if (unseen !== undefined) {
    warnings.push({
      code: 'external-not-verified',
      sentence: `The bytes that ${label} restored were not proven to be right (${unseen}); its figures count all the same.`,
    });
  }
  if (run.some(({ bytes }) => bytes !== undefined && bytes.wire === undefined)) {
    const whence = unseen === undefined ? '' : ' Nor is it known that it fetched anything from there.';
    warnings.push({
      code: 'external-wire-unknown',
      sentence: `${label} has no wire rate (${WIRE_UNSEEN}).${whence}`,
    });
  }
  const left = Math.max(0, ...run.map(({ external }) => external?.leftBehind ?? 0));
  if (left > 0) {
    warnings.push({
      code: 'external-left-behind',
      sentence: `${label} ended while ${left} of its processes went on; they were ended, and what they would have used is not in its CPU.`,
    });
  }
  const flag = run.flatMap(({ external }) => external?.figures.flatMap(({ flags }) => flags) ?? [])[0];
  if (flag !== undefined)
    warnings.push({ code: 'external-log-flagged', sentence: `What ${label} printed does not fit together: ${flag}.` });
  return warnings;
}
