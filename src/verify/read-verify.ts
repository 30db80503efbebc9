import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { parseRecord, readSamples } from '../harness/read-run.ts';
import { runFiles } from '../harness/run-directory.ts';
import { systemErrorCode } from '../model/errors.ts';
import { readingOrders, verifyFormatVersion, type VerifyData, type VerifyRecord } from '../model/verify.ts';
import { verifyRecordFile } from './record-verify.ts';

/** Only what reading depends on is checked here, as with the records of runs. */
const shape = z.looseObject({
  formatVersion: z.int(),
  status: z.enum(['completed', 'interrupted']),
  settings: z.looseObject({
    readThreads: z.int().positive(),
    verifyThreads: z.int().positive(),
    order: z.enum(readingOrders),
  }),
  host: z.looseObject({ cores: z.number(), memoryBytes: z.number() }),
  bytes: z.looseObject({ logical: z.number(), unique: z.number(), checked: z.number(), read: z.number() }),
  problems: z.array(
    z.looseObject({ code: z.string(), problem: z.string(), file: z.string(), affects: z.array(z.string()) }),
  ),
  warnings: z.array(z.string()),
  usage: z.looseObject({}),
  startedAtMs: z.number(),
  durationMs: z.number(),
});

/**
 * Reads the records of a verify; undefined for a folder that has none.
 * @throws UsageError when their format is newer, IntegrityError when they are damaged
 */
export async function readVerify(folder: string): Promise<VerifyData | undefined> {
  const file = join(folder, verifyRecordFile);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
  const record = parseRecord(text, file, shape, verifyFormatVersion) as VerifyRecord;
  const samples = await readSamples(join(folder, runFiles.samples));
  return { record, ...(samples === undefined ? {} : { samples }) };
}
