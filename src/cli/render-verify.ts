import { analyseVerify } from '../analysis/summarise-verify.ts';
import type { VerifyData, VerifyReport } from '../model/verify.ts';
import { verifyFormats } from '../report/verify/verify-formats.ts';
import { describeVerify } from './describe-verify.ts';
import type { Edge } from './edge.ts';
import { writeReports } from './write-reports.ts';

/**
 * Computes the report of a verify from its records, writes every format of it beside them, and prints.
 * A format that cannot be written is said on stderr and costs none of the others.
 */
export async function renderVerify(
  data: VerifyData,
  folder: string,
  { stdout, stderr }: Pick<Edge, 'stdout' | 'stderr'>,
  { isJson }: { readonly isJson: boolean },
): Promise<VerifyReport> {
  const analysis = analyseVerify(data);
  const { report } = analysis;
  const failure = await writeReports(folder, verifyFormats, analysis);
  stdout.write(isJson ? `${JSON.stringify(report, null, 2)}\n` : describeVerify(report, stdout.columns));
  for (const warning of report.warnings) stderr.write(`warning: ${warning}\n`);
  if (failure !== undefined) throw failure;
  return report;
}
