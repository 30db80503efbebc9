import { RunDirectory } from '../harness/run-directory.ts';
import type { ReportFormat } from '../report/report-formats.ts';

/** Writes every report format into the folder; returns the first error, which costs none of the other formats. */
export async function writeReports<Analysed>(
  folder: string,
  formats: Readonly<Record<string, ReportFormat<Analysed>>>,
  analysis: Analysed,
): Promise<unknown> {
  const directory = RunDirectory.at(folder);
  let failure: unknown;
  for (const { file, render } of Object.values(formats)) {
    try {
      await directory.write(file, render(analysis));
    } catch (error) {
      failure ??= error;
    }
  }
  return failure;
}
