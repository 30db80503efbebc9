import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';

import { fillArguments } from '../external/arguments.ts';
import { clientVariables, placeholderValues, secretVariables } from '../external/restore-address.ts';
import { ProgramError, runProgram, type ProgramRun } from '../external/run-program.ts';
import type { ExternalStrategySettings } from '../model/environment.ts';
import { asMachineError, systemErrorCode } from '../model/errors.ts';
import type { ExternalOutput, ExternalRecord } from '../model/external.ts';
import { unavailable } from '../model/metric.ts';
import type { TrialCounters } from '../model/records.ts';
import { ImageProof } from '../target/image-proof.ts';
import type { ExpectedImage, IndexedImage, ProofOutcome } from '../target/target.ts';
import type { ProgramSite } from './program-site.ts';
import type { Findings } from './restore-once.ts';
import type { TrialBasics } from './run-trial.ts';

const BLACK_BOX = 'not measured: the program is a black box';

type RestoreByProgramOptions = Pick<TrialBasics, 'trialSettings' | 'clock' | 'signal' | 'onProgress'>;

/**
 * One restore by a program: timed from its start to its end, log-in and start-up included, since nobody can look inside.
 * CPU and I/O are those of all its processes.
 */
export async function restoreByProgram(
  { external }: ExternalStrategySettings,
  site: ProgramSite,
  { trialSettings, clock, signal, onProgress }: RestoreByProgramOptions,
  findings: Findings,
): Promise<void> {
  const { output } = external;
  const { expected, facts } = site;
  await site.prepareTrial?.(findings);
  const address = site.address();
  const values = placeholderValues(address, {
    target: output.kind === 'file' ? output.path : output.kind === 'stdout' ? '-' : '',
    sizeBytes: expected.size,
  });
  const streamed = output.kind === 'stdout' ? new ImageProof(expected) : undefined;
  await using _output = await prepareOutput(output, expected.size);

  const counting = await site.startCounting();
  const run = await runProgram({
    command: fillArguments(external.command, values),
    cwd: external.folder,
    env: { ...clientVariables(address), ...external.env },
    secretEnv: secretVariables(address),
    ...(streamed === undefined
      ? {}
      : {
          onOutput: (bytes: Uint8Array) => {
            streamed.push(bytes);
            onProgress(streamed.bytes);
          },
        }),
    onProgress: streamed === undefined ? onProgress : () => {},
    readActivity: async (seen) => await site.readActivity(seen),
    stallTimeoutMs: trialSettings.stallTimeoutMs,
    timeLimitMs: external.timeLimitMs,
    clock,
    signal,
  });
  findings.startedAtMs = run.startedAtMs;
  findings.durationMs = run.durationMs;
  findings.external = recordOf(run);
  const counters = countersOf(await counting.stop(), run);
  findings.counters = counters;
  if (run.error !== undefined) throw run.error;
  const wire = 'unavailable' in counters.link ? undefined : counters.link.bytesToClient;
  if (wire === 0) {
    throw new ProgramError('the program ended well, but fetched nothing from the server of this run', {
      code: 'external-elsewhere',
      hint: 'have its arguments name {repository}, {snapshot} and {archive} or {image}',
    });
  }
  await proveOutput(output, streamed, { site, signal }, findings);
  const { sizeBytes, dataBytes, uniqueBytes } = facts;
  findings.bytes = {
    logical: sizeBytes,
    data: dataBytes,
    unique: uniqueBytes,
    ...(wire === undefined ? {} : { wire }),
  };
  if (external.cleanup !== undefined) {
    await cleanUp(fillArguments(external.cleanup, values), { trialSettings, clock, signal, folder: external.folder });
  }
}

/** A file is made where the program expects one; whatever it is, it is gone afterwards. */
async function prepareOutput(output: ExternalOutput, size: number): Promise<AsyncDisposable> {
  if (output.kind !== 'file') return { [Symbol.asyncDispose]: async () => {} };
  const { path } = output;
  const file = await open(path, 'wx').catch((error: unknown) => {
    throw asMachineError(error, `making the output ${path}`);
  });
  try {
    if (output.allocate) await file.truncate(size);
  } finally {
    await file.close();
  }
  if (!output.allocate) await rm(path);
  return { [Symbol.asyncDispose]: async () => await rm(path, { force: true }) };
}

/** Of the client they are those of the program, and of its parts nothing is known. */
function countersOf(beside: Omit<TrialCounters, 'clientParts'>, { usage }: ProgramRun): TrialCounters {
  const none = unavailable(BLACK_BOX);
  return {
    ...beside,
    client: {
      cpuMs: usage?.cpuMs ?? none,
      mainThreadRunMs: none,
      mainThreadWaitMs: none,
      allThreadsRunMs: usage?.cpuMs ?? none,
      allThreadsWaitMs: none,
      residentBytes: usage?.peakResidentBytes ?? none,
    },
    clientParts: { unavailable: BLACK_BOX },
  };
}

async function proveOutput(
  output: ExternalOutput,
  streamed: ImageProof | undefined,
  { site: { expected, mismatch }, signal }: { readonly site: ProgramSite; readonly signal: AbortSignal },
  findings: Findings,
): Promise<void> {
  if (output.kind === 'none') {
    findings.notVerifiable = 'the program keeps what it restores to itself: there is nothing to take a hash of';
    return;
  }
  const outcome =
    output.kind === 'stdout' && streamed !== undefined
      ? streamed.outcome('sha256-of-stdout')
      : await proveFile(output.kind === 'file' ? output.path : '', expected, signal);
  const problems = [...outcome.proof.problems, ...(mismatch === undefined ? [] : [mismatch])];
  findings.verified = outcome.verified && problems.length === 0;
  findings.proof = { ...outcome.proof, problems };
  if (outcome.sha256 !== undefined) findings.sha256 = outcome.sha256;
}

async function proveFile(
  path: string,
  expected: ExpectedImage | IndexedImage,
  signal: AbortSignal,
): Promise<ProofOutcome> {
  const proof = new ImageProof(expected);
  try {
    for await (const piece of createReadStream(path, { highWaterMark: expected.chunkSize, signal }))
      proof.push(piece as Uint8Array);
  } catch (error) {
    signal.throwIfAborted();
    if (systemErrorCode(error) === 'ENOENT')
      return {
        verified: false,
        proof: { method: 'sha256-of-file', problems: [`the program ended well, but there is no file ${path}`] },
      };
    throw asMachineError(error, `reading the output ${path}`);
  }
  return proof.outcome('sha256-of-file');
}

async function cleanUp(
  command: readonly string[],
  { clock, signal, trialSettings, folder }: Omit<RestoreByProgramOptions, 'onProgress'> & { readonly folder: string },
): Promise<void> {
  const { error } = await runProgram({
    command,
    cwd: folder,
    env: {},
    secretEnv: {},
    onProgress: () => {},
    readActivity: async () => await Promise.resolve(0),
    stallTimeoutMs: trialSettings.stallTimeoutMs,
    timeLimitMs: undefined,
    clock,
    signal,
  });
  if (!(error instanceof ProgramError)) {
    if (error !== undefined) throw error;
    return;
  }
  throw new ProgramError(`cleaning up: ${error.message}`, {
    code: 'external-cleanup-failed',
    hint: 'remove by hand what the restore made: the next one would find it',
  });
}

function recordOf({ command, env, exitCode, usage, samples, figures, leftBehind }: ProgramRun): ExternalRecord {
  return {
    command,
    env,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(usage === undefined ? {} : { usage }),
    samples,
    figures,
    leftBehind,
  };
}
