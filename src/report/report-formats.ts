import type { Analysis } from '../analysis/summarise.ts';
import { renderReportHtml } from './report-html.ts';
import { renderReportJson } from './report-json.ts';
import { renderReportMarkdown } from './report-markdown.ts';
import { renderSummaryCsv } from './summary-csv.ts';
import { renderUseCsv } from './use-csv.ts';

/** A file of the directory of a run or verify, made from the analysis alone. */
export interface ReportFormat<Analysed = Analysis> {
  readonly file: string;
  readonly render: (analysis: Analysed) => string;
}

/** Name to file and renderer of every report in a run directory; a new format is one file and one line here. */
export const reportFormats: Readonly<Record<string, ReportFormat>> = {
  json: { file: 'report.json', render: renderReportJson },
  html: { file: 'report.html', render: renderReportHtml },
  markdown: { file: 'report.md', render: renderReportMarkdown },
  'summary-csv': { file: 'summary.csv', render: renderSummaryCsv },
  'use-csv': { file: 'use.csv', render: renderUseCsv },
};
