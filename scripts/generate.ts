// Writes the files that follow from the sources; with --check it only says which are not up to date and ends with 1.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { profileJsonSchema } from '../src/hardware/profile.ts';
import { reportJsonSchema } from '../src/report/report-schema.ts';
import { verifyReportJsonSchema } from '../src/report/verify/verify-report-schema.ts';
import { scenarioJsonSchema } from '../src/scenario/schema.ts';

interface GeneratedFile {
  /** Relative to the root of the project. */
  readonly file: string;
  readonly content: () => string;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const generated: readonly GeneratedFile[] = [
  { file: 'schemas/scenario.schema.json', content: () => json(scenarioJsonSchema()) },
  { file: 'schemas/report.schema.json', content: reportJsonSchema },
  { file: 'schemas/verify-report.schema.json', content: verifyReportJsonSchema },
  { file: 'schemas/hardware-profile.schema.json', content: profileJsonSchema },
];

const isCheck = process.argv.includes('--check');
let outdated = 0;
for (const { file, content } of generated) {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const wanted = content();
  if (existsSync(path) && readFileSync(path, 'utf8') === wanted) continue;
  outdated += 1;
  if (isCheck) {
    console.error(`${file} is not up to date: run \`npm run generate\``);
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, wanted);
    console.error(`wrote ${file}`);
  }
}
process.exitCode = isCheck && outdated > 0 ? 1 : 0;
