import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';

import { fillArguments } from '../external/arguments.ts';
import { clientVariables, placeholderValues, type RestoreAddress } from '../external/restore-address.ts';
import { ProgramError, runProgram, type ProgramRun } from '../external/run-program.ts';
import { combineUsages, readProcessUsage, usageBetween, type UsageSnapshot } from '../metrics/process-usage.ts';
import { readBetween, readFromStorage } from '../metrics/storage-reads.ts';
import type { ExternalStrategySettings } from '../model/environment.ts';
import { asMachineError } from '../model/errors.ts';
import type { ExternalOutput, ExternalRecord } from '../model/external.ts';
import { unavailable, type Metric } from '../model/metric.ts';
import type { ProcessUsage, TrialCounters } from '../model/records.ts';
import { ImageProof } from '../target/image-proof.ts';
import type { ExpectedImage, ProofOutcome } from '../target/target.ts';
import { chunkFiles } from './chunk-files.ts';
import { dropPageCache } from './drop-page-cache.ts';
import { openSessions } from './open-sessions.ts';
import type { PreparedImage } from './prepare-image.ts';
import type { Findings } from './restore-once.ts';
import type { TrialOptions } from './run-trial.ts';

const BLACK_BOX = 'not measured: the program is a black box';

/** The program that is run for one restore, and where its bytes come out. */
interface Prepared {
  readonly command: readonly string[];
  readonly address: RestoreAddress;
  /** Of bytes that come out of its standard output. */
  readonly proof: ImageProof | undefined;
}

/**
 * One restore by a program: timed from its start to its end, log-in and start-up included, since nobody can look inside.
 * CPU and I/O are those of all its processes.
 */
export async function restoreByProgram(
  { external }: ExternalStrategySettings,
  options: TrialOptions,
  findings: Findings,
): Promise<void> {
  const { settings, trialSettings, prepared, lab, clock, signal, onProgress } = options;
  await lab.reviveServers();
  await lab.configure(settings);
  if (settings.storage.cache === 'cold') findings.pageCache = await dropChunksFromCache(options);
  const { server } = settings;
  const key = 'datastore' in server && server.keyFile !== undefined ? { keyFile: server.keyFile } : {};
  const program = prepareProgram(external, { ...lab.addressOf(prepared), ...key }, prepared);
  const { output } = external;
  await using _output = await prepareOutput(output, prepared.expected.size);

  const servers = lab.servers.inUse.map(({ pid }) => pid);
  const pids = { servers, relay: lab.relay.pid, sampler: lab.sampler.pid };
  await Promise.all([lab.relay.call('resetCounters'), lab.servers.resetCounters()]);
  const before = readAll(pids);
  const fromStorageBefore = servers.map((pid) => readFromStorage(pid));
  const { PBS_PASSWORD = '', ...variables } = clientVariables(program.address);
  const run = await runProgram({
    command: program.command,
    cwd: external.folder,
    env: { ...variables, ...external.env },
    secretEnv: { PBS_PASSWORD },
    ...(program.proof === undefined
      ? {}
      : {
          onOutput: (bytes: Uint8Array) => {
            program.proof?.push(bytes);
            onProgress(program.proof?.bytes ?? 0);
          },
        }),
    onProgress: program.proof === undefined ? onProgress : () => {},
    readActivity: async () => (await lab.relay.call('counters')).bytesToClient,
    stallTimeoutMs: trialSettings.stallTimeoutMs,
    timeLimitMs: external.timeLimitMs,
    clock,
    signal,
  });
  findings.startedAtMs = run.startedAtMs;
  findings.durationMs = run.durationMs;
  findings.external = recordOf(run);
  const wire = await takeCounters(options, findings, run, {
    usage: usages(before, readAll(pids)),
    bytesFromDisk: readBetween(
      fromStorageBefore,
      servers.map((pid) => readFromStorage(pid)),
    ),
  });
  if (run.error !== undefined) throw run.error;
  if (wire === 0) {
    throw new ProgramError('the program ended well, but fetched nothing from the server of this run', {
      code: 'external-elsewhere',
      hint: 'have its arguments name {repository}, {snapshot} and {archive} or {image}',
    });
  }
  await proveOutput(output, program.proof, options, findings);
  const { sizeBytes, dataBytes, uniqueBytes } = prepared.facts;
  findings.bytes = { logical: sizeBytes, data: dataBytes, unique: uniqueBytes, wire };
  if (external.cleanup !== undefined)
    await cleanUp(
      fillArguments(external.cleanup, valuesOf(output, program.address, prepared)),
      options,
      external.folder,
    );
}

function prepareProgram(
  { command, output }: ExternalStrategySettings['external'],
  address: RestoreAddress,
  prepared: PreparedImage,
): Prepared {
  return {
    command: fillArguments(command, valuesOf(output, address, prepared)),
    address,
    proof: output.kind === 'stdout' ? new ImageProof(prepared.expected) : undefined,
  };
}

function valuesOf(
  output: ExternalOutput,
  address: RestoreAddress,
  { expected }: PreparedImage,
): ReturnType<typeof placeholderValues> {
  return placeholderValues(address, {
    target: output.kind === 'file' ? output.path : output.kind === 'stdout' ? '-' : '',
    sizeBytes: expected.size,
  });
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

async function dropChunksFromCache({
  prepared,
  settings,
  lab,
  signal,
}: TrialOptions): Promise<NonNullable<Findings['pageCache']>> {
  await using sessions = await openSessions(prepared, {
    lab,
    connections: 1,
    transport: settings.transport,
    signal,
  });
  return await dropPageCache(chunkFiles(prepared.mounted.path, sessions.index), signal);
}

/** Resolves with the bytes that came over the link. */
async function takeCounters(
  { lab }: TrialOptions,
  findings: Findings,
  { usage: tree }: ProgramRun,
  { usage, bytesFromDisk }: { readonly usage: Usages; readonly bytesFromDisk: Metric },
): Promise<number> {
  const [link, storage] = await Promise.all([
    lab.relay.call('counters'),
    lab.servers.counters().catch((): { unavailable: string } => ({ unavailable: 'the server died during the trial' })),
  ]);
  const none = unavailable(BLACK_BOX);
  findings.counters = {
    client: {
      cpuMs: tree?.cpuMs ?? none,
      mainThreadRunMs: none,
      mainThreadWaitMs: none,
      allThreadsRunMs: tree?.cpuMs ?? none,
      allThreadsWaitMs: none,
      residentBytes: tree?.peakResidentBytes ?? none,
    },
    ...usage,
    link,
    storage: 'unavailable' in storage ? storage : { ...storage, bytesFromDisk },
    clientParts: { unavailable: BLACK_BOX },
  };
  return link.bytesToClient;
}

async function proveOutput(
  output: ExternalOutput,
  streamed: ImageProof | undefined,
  { prepared, signal }: TrialOptions,
  findings: Findings,
): Promise<void> {
  if (output.kind === 'none') {
    findings.notVerifiable = 'the program keeps what it restores to itself: there is nothing to take a hash of';
    return;
  }
  const outcome =
    output.kind === 'stdout' && streamed !== undefined
      ? streamed.outcome('sha256-of-stdout')
      : await proveFile(output.kind === 'file' ? output.path : '', prepared.expected, signal);
  const problems = [...outcome.proof.problems, ...(prepared.mismatch === undefined ? [] : [prepared.mismatch])];
  findings.verified = outcome.verified && problems.length === 0;
  findings.proof = { ...outcome.proof, problems };
  if (outcome.sha256 !== undefined) findings.sha256 = outcome.sha256;
}

async function proveFile(path: string, expected: ExpectedImage, signal: AbortSignal): Promise<ProofOutcome> {
  const proof = new ImageProof(expected);
  try {
    for await (const piece of createReadStream(path, { highWaterMark: expected.chunkSize, signal }))
      proof.push(piece as Uint8Array);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
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
  { clock, signal, trialSettings }: TrialOptions,
  folder: string,
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

interface LabProcesses<Value> {
  readonly servers: readonly Value[];
  readonly relay: Value;
  readonly sampler: Value;
}

type Usages = Pick<TrialCounters, 'server' | 'relay' | 'sampler'>;

const readAll = (pids: LabProcesses<number>): LabProcesses<UsageSnapshot> => ({
  servers: pids.servers.map((pid) => readProcessUsage(pid)),
  relay: readProcessUsage(pids.relay),
  sampler: readProcessUsage(pids.sampler, { includeChildren: true }),
});

function usages(before: LabProcesses<UsageSnapshot>, after: LabProcesses<UsageSnapshot>): Usages {
  const server = before.servers.map((start, index): ProcessUsage => {
    const end = after.servers[index] ?? { unavailable: 'not running: the process has ended' };
    return usageBetween(start, end);
  });
  return {
    server: combineUsages(server),
    relay: usageBetween(before.relay, after.relay),
    sampler: usageBetween(before.sampler, after.sampler),
  };
}
