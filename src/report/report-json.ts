import type { Analysis } from '../analysis/summarise.ts';

/** report.json: the stable machine interface, described by schemas/report.schema.json. */
export function renderReportJson({ report }: Analysis): string {
  return `${JSON.stringify(report, undefined, 2)}\n`;
}
