import type { VerifyAnalysis } from '../../analysis/summarise-verify.ts';
import type { ReportFormat } from '../report-formats.ts';
import { useCsv } from '../use-csv.ts';
import { renderVerifyHtml } from './verify-html.ts';
import { renderVerifyMarkdown } from './verify-markdown.ts';
import { renderVerifySummaryCsv } from './verify-summary-csv.ts';

/** Name to file and renderer of every report in the directory of a verify; the names and files are those of a run. */
export const verifyFormats: Readonly<Record<string, ReportFormat<VerifyAnalysis>>> = {
  json: { file: 'report.json', render: ({ report }) => `${JSON.stringify(report, undefined, 2)}\n` },
  html: { file: 'report.html', render: renderVerifyHtml },
  markdown: { file: 'report.md', render: renderVerifyMarkdown },
  'summary-csv': { file: 'summary.csv', render: renderVerifySummaryCsv },
  'use-csv': {
    file: 'use.csv',
    render: ({ report: { use, verdict } }) => useCsv([{ parameters: {}, use, verdict }]),
  },
};
