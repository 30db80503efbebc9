import { resolve } from 'node:path';

import { z } from 'zod';

import { exitCodes, type ExitCode } from '../model/errors.ts';
import { readVerify } from '../verify/read-verify.ts';
import type { Command } from './command.ts';
import { parseArgv } from './parse-argv.ts';
import { renderReports } from './render-reports.ts';
import { renderVerify } from './render-verify.ts';

export const reportCommand: Command = {
  examples: [
    ['report reports/2026-01-31T12-00-00Z-quickstart', 'Also for a run that was interrupted or killed'],
    ['report reports/2026-01-31T12-00-00Z-quickstart --json | jq .verdict', 'The machine-readable report'],
  ],
  positionals: { dir: { type: 'string', describe: 'Run directory', demandOption: true } },
  options: {
    json: { type: 'boolean', default: false, describe: 'Print the content of report.json instead of the table' },
  },
  async run(argv, edge): Promise<ExitCode> {
    const { dir, json } = parseArgv(argv, { dir: z.string(), json: z.boolean() });
    const folder = resolve(edge.cwd, dir);
    const verify = await readVerify(folder);
    if (verify === undefined) await renderReports(folder, edge, { stdout: json ? 'json' : 'table' });
    else await renderVerify(verify, folder, edge, { isJson: json });
    return exitCodes.fine;
  },
};
