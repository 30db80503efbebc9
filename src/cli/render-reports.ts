import { summarise } from '../analysis/summarise.ts';
import { readRun } from '../harness/read-run.ts';
import type { Report } from '../model/report.ts';
import { reportFormats } from '../report/report-formats.ts';
import { renderTerminal } from '../report/terminal.ts';
import { styleFor } from '../ui/style.ts';
import type { Edge } from './edge.ts';
import { writeReports } from './write-reports.ts';

export interface RenderOptions {
  /** What stdout gets: the table, report.json as it is, or report.json on one line. */
  readonly stdout: 'table' | 'json' | 'json-line';
}

/**
 * Computes the findings of a run directory from its records, writes every report format into it, and prints.
 * A format that cannot be written is said on stderr and costs none of the others.
 */
export async function renderReports(folder: string, edge: Edge, { stdout }: RenderOptions): Promise<Report> {
  const analysis = summarise(await readRun(folder));
  const failure = await writeReports(folder, reportFormats, analysis);
  if (stdout === 'table') {
    const { columns } = edge.stdout;
    edge.stdout.write(
      renderTerminal(analysis, {
        style: styleFor(edge.stdout, edge.env),
        ...(columns === undefined ? {} : { width: columns }),
      }),
    );
  } else edge.stdout.write(`${JSON.stringify(analysis.report, null, stdout === 'json' ? 2 : undefined)}\n`);
  if (failure !== undefined) throw failure;
  return analysis.report;
}
