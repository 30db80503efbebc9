import { summariseVerify } from '../analysis/summarise-verify.ts';
import { RunDirectory } from '../harness/run-directory.ts';
import type { VerifyData, VerifyReport } from '../model/verify.ts';
import { verifyFiles } from '../verify/record-verify.ts';
import { describeVerify } from './describe-verify.ts';
import type { Edge } from './edge.ts';

/** Computes the report of a verify from its records, writes it beside them, and prints it. */
export async function renderVerify(
  data: VerifyData,
  folder: string,
  { stdout, stderr }: Pick<Edge, 'stdout' | 'stderr'>,
  { isJson }: { readonly isJson: boolean },
): Promise<VerifyReport> {
  const report = summariseVerify(data);
  const json = `${JSON.stringify(report, null, 2)}\n`;
  await RunDirectory.at(folder).write(verifyFiles.report, json);
  stdout.write(isJson ? json : describeVerify(report));
  for (const warning of report.warnings) stderr.write(`warning: ${warning}\n`);
  return report;
}
