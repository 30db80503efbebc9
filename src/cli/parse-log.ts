import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';

import { z } from 'zod';

import { LogReader } from '../logs/log-reader.ts';
import type { ParsedLog } from '../logs/logged-operation.ts';
import { asMachineError, exitCodes, systemErrorCode, UsageError, type ExitCode } from '../model/errors.ts';
import type { Command } from './command.ts';
import { describeLog } from './describe-log.ts';
import type { Edge } from './edge.ts';
import { parseArgv } from './parse-argv.ts';

/** Version of what `--json` prints. */
const logFormatVersion = 1;

const STANDARD_INPUT = '-';

export const parseLogCommand: Command = {
  examples: [
    ['parse-log restore.log', 'A task log, or anything that was pasted with such lines in it'],
    ['parse-log - < mail.txt', 'Quotes, time stamps, colours and broken lines do not matter'],
    ['parse-log benchmark.json', '`proxmox-backup-client benchmark`, as text or JSON'],
    ['parse-log restore.log --json', 'The same for programs, with the interval that rounding leaves to each figure'],
  ],
  positionals: {
    file: { type: 'string', describe: 'Log file, or - for standard input', demandOption: true },
  },
  options: {
    json: { type: 'boolean', default: false, describe: 'Print JSON' },
  },
  async run(argv, edge): Promise<ExitCode> {
    const { file, json } = parseArgv(argv, { file: z.string(), json: z.boolean() });
    const log = await readLog(file, edge);
    const shownAs = file === STANDARD_INPUT ? 'standard input' : file;
    if (log.operations.length === 0) {
      throw new UsageError(`${shownAs} holds no figures of a restore, backup, verify or benchmark`, {
        code: 'log-without-figures',
        hint: 'give the output of pbs-restore, qmrestore, vzdump or proxmox-backup-client; docs/parse-log.md lists the lines',
      });
    }
    if (json) edge.stdout.write(`${JSON.stringify({ formatVersion: logFormatVersion, source: file, ...log })}\n`);
    else edge.stdout.write(describeLog(log));
    for (const note of notesOn(log)) edge.stderr.write(`note: ${note}\n`);
    return exitCodes.fine;
  },
};

async function readLog(file: string, { cwd, stdin, interrupted }: Edge): Promise<ParsedLog> {
  const reader = new LogReader();
  const stream: Readable = file === STANDARD_INPUT ? stdin : createReadStream(resolve(cwd, file));
  try {
    for await (const piece of stream) {
      interrupted.throwIfAborted();
      reader.push(typeof piece === 'string' ? Buffer.from(piece) : (piece as Uint8Array));
    }
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'EISDIR') {
      throw new UsageError(`${file} ${code === 'ENOENT' ? 'does not exist' : 'is a folder'}`, {
        code: 'log-not-found',
        hint: 'name a log file, or - for standard input',
      });
    }
    throw asMachineError(error, `reading ${file}`);
  }
  return reader.end();
}

function notesOn({ leftOut, longLines }: ParsedLog): readonly string[] {
  return [
    ...(leftOut === 0 ? [] : [`${leftOut} more operations are left out`]),
    ...(longLines === 0 ? [] : [`of ${longLines} overlong lines only the beginning was read`]),
  ];
}
