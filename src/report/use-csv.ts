import type { Analysis } from '../analysis/summarise.ts';
import type { CaseReport } from '../model/report.ts';
import { csvText } from './csv-text.ts';

/** use.csv: the USE table of every case, shares as 0..1; a cell that is not known says `unknown: reason`. */
export function renderUseCsv({ report }: Analysis): string {
  return useCsv(report.cases);
}

export function useCsv(cases: readonly Pick<CaseReport, 'parameters' | 'use' | 'verdict'>[]): string {
  const parameters = [...new Set(cases.flatMap((one) => Object.keys(one.parameters)))];
  const rows = cases.flatMap((one, index) =>
    one.use.map(({ resource, utilization, saturation, saturationUnit, errors, method }) => ({
      case: index,
      ...Object.fromEntries(parameters.map((name) => [`parameter.${name}`, one.parameters[name]])),
      strategy: one.verdict.strategy,
      resource,
      utilization,
      saturation,
      saturationUnit,
      errors,
      method,
    })),
  );
  return csvText(rows, [
    'case',
    'strategy',
    'resource',
    'utilization',
    'saturation',
    'saturationUnit',
    'errors',
    'method',
  ]);
}
