import type { Options } from 'yargs';
import { z } from 'zod';

import type { HistorySettings, ImageSettings } from '../model/environment.ts';
import { UsageError } from '../model/errors.ts';
import { DEFAULT_SEED, historySchema, imageSchema } from '../scenario/image-schema.ts';
import type { Edge } from './edge.ts';
import { findScenario } from './find-scenario.ts';

/** A synthetic image and its history, with the fields of a scenario's `image` and `history`. */
export const imageOptions: Readonly<Record<string, Options>> = {
  scenario: { type: 'string', describe: 'Scenario file, or name of a shipped one, whose image and history to take' },
  size: { type: 'string', describe: 'Size of the disk [default: 512 MiB]' },
  'zero-share': { type: 'string', describe: 'Share of the chunks that are all zeros [default: 10 %]' },
  'repeated-share': { type: 'string', describe: 'Share of the chunks that repeat an earlier one [default: 0 %]' },
  'compression-ratio': {
    type: 'number',
    describe: 'What zstd makes of the others; 1 is incompressible [default: 1.5]',
  },
  seed: { type: 'string', describe: `Content follows from it [default: ${DEFAULT_SEED}]` },
  history: { type: 'number', describe: 'Backups that the group holds in the end [default: 1]' },
  'change-rate': { type: 'string', describe: 'Share of the chunks that each backup changes [default: 5 %]' },
};

/** What {@link imageShape} gives. */
export interface ImageArguments {
  readonly scenario?: string | undefined;
  readonly size?: string | undefined;
  readonly 'zero-share'?: string | undefined;
  readonly 'repeated-share'?: string | undefined;
  readonly 'compression-ratio'?: number | undefined;
  readonly seed?: string | undefined;
  readonly history?: number | undefined;
  readonly 'change-rate'?: string | undefined;
}

const once = z.string('can be given once').optional();
const number = z.number('must be a number, given once').optional();

/** For `parseArgv`. */
export const imageShape: { readonly [Name in keyof ImageArguments]-?: z.ZodType<ImageArguments[Name]> } = {
  scenario: once,
  size: once,
  'zero-share': once,
  'repeated-share': once,
  'compression-ratio': number,
  seed: once,
  history: number,
  'change-rate': once,
};

export interface ImageAndHistory {
  readonly image: ImageSettings;
  readonly history: HistorySettings;
}

/** Options that say what a scenario says too. */
const imageFields = {
  size: 'size',
  'zero-share': 'zeroShare',
  'repeated-share': 'repeatedShare',
  'compression-ratio': 'compressionRatio',
  seed: 'seed',
} as const;
const historyFields = { history: 'depth', 'change-rate': 'changeRate' } as const;

/** Which of these options is given, if any is. */
export const givenImageOption = (argv: ImageArguments): string | undefined =>
  Object.keys(imageOptions).find((name) => argv[name as keyof ImageArguments] !== undefined);

/**
 * Image and history of the command line, or of the scenario that it names.
 * @throws UsageError that names the option; ScenarioError for the scenario
 */
export async function readImageOptions(argv: ImageArguments, { cwd }: Pick<Edge, 'cwd'>): Promise<ImageAndHistory> {
  if (argv.scenario === undefined) {
    return {
      image: parsed(imageSchema, imageFields, argv),
      history: parsed(historySchema, historyFields, argv),
    };
  }
  const other = [...Object.keys(imageFields), ...Object.keys(historyFields)].find(
    (name) => argv[name as keyof ImageArguments] !== undefined,
  );
  if (other !== undefined) {
    throw new UsageError(`--scenario and --${other} say the same twice`, {
      code: 'usage',
      hint: 'change the scenario, or give all of the image on the command line',
    });
  }
  const { name, cases } = await findScenario(argv.scenario, cwd);
  const [{ image, history }, ...others] = cases;
  const first = JSON.stringify({ image, history });
  if (others.some((one) => JSON.stringify({ image: one.image, history: one.history }) !== first)) {
    throw new UsageError(`the matrix of ${name} holds several images`, {
      code: 'several-images',
      hint: 'give the one that you mean on the command line: --size, --zero-share, ...',
    });
  }
  return { image, history };
}

function parsed<Settings>(
  schema: z.ZodType<Settings>,
  fields: Readonly<Record<string, string>>,
  argv: ImageArguments,
): Settings {
  const given = Object.entries(fields).flatMap(([option, field]) => {
    const value = argv[option as keyof ImageArguments];
    return value === undefined ? [] : [[field, value] as const];
  });
  const result = schema.safeParse(Object.fromEntries(given));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const option = Object.entries(fields).find(([, field]) => field === issue?.path[0])?.[0] ?? 'size';
  const allowed = issue?.code === 'custom' ? (issue.params?.['allowed'] as string | undefined) : undefined;
  throw new UsageError(`--${option}: ${(issue?.message ?? 'wrong value').replaceAll('`', '')}`, {
    code: 'usage',
    hint: allowed === undefined ? 'see --help of the command' : `allowed is ${allowed.replaceAll('`', '')}`,
  });
}
