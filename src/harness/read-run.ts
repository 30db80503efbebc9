import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { IntegrityError, systemErrorCode, UsageError } from '../model/errors.ts';
import { profiledProcesses, profileFormatVersion, type ProfileRecord } from '../model/profile.ts';
import {
  recordFormatVersion,
  spanColumns,
  type RunData,
  type RunRecord,
  type SampleTable,
  type TrialRecord,
} from '../model/records.ts';
import { runFiles } from './run-directory.ts';

const version = z.object({ formatVersion: z.int().positive() });

/** Only what reading depends on is checked here: records are ours, and a later version may say more. */
const runShape = z.looseObject({
  formatVersion: z.int(),
  status: z.enum(['running', 'completed', 'interrupted', 'failed']),
  scenario: z.looseObject({ name: z.string(), file: z.string(), sha256: z.string() }),
  cases: z
    .array(
      z.looseObject({
        settings: z.looseObject({ index: z.int(), strategies: z.array(z.looseObject({ label: z.string() })).min(1) }),
      }),
    )
    .min(1),
  plan: z.array(z.looseObject({ index: z.int(), block: z.int(), case: z.int(), strategy: z.string() })),
  objectives: z.array(z.looseObject({ text: z.string() })),
  warnings: z.array(z.looseObject({ code: z.string(), sentence: z.string() })),
});

const trialShape = z.looseObject({
  formatVersion: z.int(),
  index: z.int(),
  case: z.int(),
  strategy: z.string(),
  status: z.enum(['completed', 'failed', 'interrupted', 'not-run']),
  spans: z.object(Object.fromEntries(spanColumns.map((name) => [name, z.array(z.number().nullable())]))).optional(),
});

const sampleHeaderShape = z.looseObject({
  formatVersion: z.int(),
  intervalMs: z.number(),
  columns: z.array(z.object({ name: z.string(), kind: z.enum(['counter', 'gauge']) })),
  unavailable: z.record(z.string(), z.string()),
});

const profileShape = z.looseObject({
  formatVersion: z.int(),
  tool: z.looseObject({ name: z.string(), version: z.string() }),
  process: z.enum(profiledProcesses),
  strategy: z.string(),
  covers: z.string(),
  files: z.array(z.looseObject({ path: z.string(), what: z.string() })),
  hotFunctions: z.union([
    z.array(z.looseObject({ thread: z.string(), name: z.string(), selfShare: z.number() })),
    z.looseObject({ unavailable: z.string() }),
  ]),
});

/** A record that has this shape. @throws UsageError for a newer format, IntegrityError for a damaged file */
export function parseRecord(
  text: string,
  file: string,
  shape: z.ZodType,
  newestVersion: number = recordFormatVersion,
): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new IntegrityError(`${file} is damaged: ${(error as Error).message}`, {
      code: 'record-damaged',
      hint: 'remove the file to report on the rest of the run',
    });
  }
  const found = version.safeParse(value);
  if (found.success && found.data.formatVersion > newestVersion) {
    throw new UsageError(
      `${file} has format version ${found.data.formatVersion}; this restorelab reads up to ${newestVersion}`,
      {
        code: 'record-too-new',
        hint: 'use the restorelab version that made the run, or a newer one',
      },
    );
  }
  const checked = shape.safeParse(value);
  if (!checked.success) {
    throw new IntegrityError(`${file} is damaged: ${z.prettifyError(checked.error).replaceAll('\n', ' ')}`, {
      code: 'record-damaged',
    });
  }
  return value;
}

/** `samples.jsonl`, as far as it was written; undefined where there is none. */
export async function readSamples(file: string): Promise<SampleTable | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const [head = '', ...lines] = text.split('\n');
  if (head === '') return undefined;
  const header = parseRecord(head, file, sampleHeaderShape) as Omit<SampleTable, 'rows'>;
  const rows: (number | null)[][] = [];
  for (const line of lines) {
    // A sampler that was killed leaves half a last line; what came before it counts.
    if (line.endsWith(']')) rows.push(JSON.parse(line) as (number | null)[]);
  }
  return { ...header, rows };
}

/**
 * Reads a run directory: also one whose run was killed, or is still going on.
 * @throws UsageError when there is no run in the folder or its format is newer, IntegrityError when a file is damaged
 */
export async function readRun(folder: string): Promise<RunData> {
  const runFile = join(folder, runFiles.run);
  let text: string;
  try {
    text = await readFile(runFile, 'utf8');
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    throw new UsageError(`${folder} is not a run directory: it has no ${runFiles.run}`, {
      code: 'run-not-found',
      hint: 'give the folder that `restorelab run` named at its end, e.g. reports/2026-01-31T12-00-00Z-quickstart',
    });
  }
  const run = parseRecord(text, runFile, runShape) as RunRecord;
  const names = (await readdir(join(folder, runFiles.trials))).filter((name) => name.endsWith('.json')).toSorted();
  const trials: TrialRecord[] = [];
  for (const name of names) {
    const file = join(folder, runFiles.trials, name);
    trials.push(parseRecord(await readFile(file, 'utf8'), file, trialShape) as TrialRecord);
  }
  const samples = await readSamples(join(folder, runFiles.samples));
  const profile = await readProfile(join(folder, runFiles.profile));
  return {
    run,
    trials,
    ...(samples === undefined ? {} : { samples }),
    ...(profile === undefined ? {} : { profile }),
  };
}

async function readProfile(file: string): Promise<ProfileRecord | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  return parseRecord(text, file, profileShape, profileFormatVersion) as ProfileRecord;
}
