import type { RecordedWarning, RunData } from '../model/records.ts';
import type { CaseReport } from '../model/report.ts';
import { caseName } from './case-name.ts';
import { caseWarnings } from './case-warnings.ts';
import { pageCacheWarnings } from './page-cache.ts';
import { strategyWarnings } from './strategy-warnings.ts';

/**
 * What a reader must know before trusting a figure: those that the run recorded, then those found in its records. Each
 * says the figure first. The same sentence in all cases of a matrix is said once, otherwise the cases are named.
 */
export function findWarnings(data: RunData, cases: readonly CaseReport[]): readonly RecordedWarning[] {
  const found = new Map<string, { readonly warning: RecordedWarning; readonly cases: string[] }>();
  for (const [index, report] of cases.entries()) {
    const record = data.run.cases[index];
    if (record === undefined) continue;
    const trials = data.trials.filter((trial) => trial.case === index);
    const warnings = [
      caseWarnings(data.run, record),
      pageCacheWarnings(record, trials),
      strategyWarnings(data, index, report),
    ];
    for (const warning of warnings.flat()) {
      const key = `${warning.code}\n${warning.sentence}`;
      const known = found.get(key) ?? { warning, cases: [] };
      known.cases.push(caseName(report));
      found.set(key, known);
    }
  }
  const ofCases = [...found.values()].map(({ warning: { code, sentence }, cases: names }) => ({
    code,
    sentence: names.length === cases.length ? sentence : `${names.join(' and ')}: ${sentence}`,
  }));
  return [...data.run.warnings, ...runWarnings(data), ...ofCases];
}

function runWarnings({ run, trials, samples }: RunData): readonly RecordedWarning[] {
  const warnings: RecordedWarning[] = [];
  const notRun = run.plan.length - trials.filter(({ status }) => status !== 'not-run').length;
  if (run.status === 'interrupted' || run.status === 'running') {
    warnings.push({
      code: 'run-incomplete',
      sentence: `${run.plan.length - notRun} of ${run.plan.length} planned trials are recorded: the run ${run.status === 'running' ? 'did not come to its end' : 'was interrupted'}. The figures are of what was measured until then.`,
    });
  } else if (notRun > 0 && !run.warnings.some(({ code }) => code === 'time-budget')) {
    warnings.push({
      code: 'trials-not-run',
      sentence: `${notRun} of ${run.plan.length} planned trials were not run: the run ended early.`,
    });
  }
  if (!run.trialSettings.recording) {
    warnings.push({
      code: 'recording-off',
      sentence:
        'No chunk times and no samples: recording was off. Throughput stands; latency, phases and most of the USE table are unknown.',
    });
  } else if (samples === undefined && !run.warnings.some(({ code }) => code === 'sampler-missing')) {
    warnings.push({
      code: 'sampler-missing',
      sentence:
        'No samples: the sampler did not run, so disks, memory and network of this machine are unknown in the USE table.',
    });
  }
  return warnings;
}
