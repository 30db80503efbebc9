import type { BuiltInStrategySettings, CaseSettings, TrialSettings } from '../model/environment.ts';
import { asMachineError, InterruptedError, KnownError } from '../model/errors.ts';
import type { Image } from '../model/image.ts';
import type { Clock, RestoreTarget, Strategy } from '../model/ports.ts';
import {
  recordFormatVersion,
  type PlannedTrial,
  type RecordedError,
  type TrialBytes,
  type TrialCounters,
  type TrialRecord,
} from '../model/records.ts';
import { watchEventLoop } from '../metrics/event-loop.ts';
import { combineUsages, readProcessUsage, usageBetween, type UsageSnapshot } from '../metrics/process-usage.ts';
import { readBetween, readFromStorage } from '../metrics/storage-reads.ts';
import { createTarget } from '../target/create-target.ts';
import { chunkFiles } from './chunk-files.ts';
import { dropPageCache } from './drop-page-cache.ts';
import type { Lab } from './lab.ts';
import { openSessions } from './open-sessions.ts';
import { mostChunksHeld } from './ports/buffer-budget.ts';
import { composePorts } from './ports/compose-ports.ts';
import type { PreparedImage } from './prepare-image.ts';
import { restoreByProgram } from './run-external-trial.ts';

export interface TrialOptions {
  readonly planned: PlannedTrial;
  readonly settings: CaseSettings;
  readonly trialSettings: TrialSettings;
  readonly prepared: PreparedImage;
  readonly lab: Lab;
  /** The process that runs this code: the client of the restore. */
  readonly clientPid: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly findStrategy: (name: string) => Strategy | undefined;
  /** Called for each chunk that was written, with image bytes so far. */
  readonly onProgress: (logicalBytes: number) => void;
}

/** An error as records keep it; a stack is for errors that nobody foresaw. */
export function recordError(error: unknown): RecordedError {
  if (error instanceof KnownError) {
    return { code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
  return { code: 'internal', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

type Writable<Value> = { -readonly [Name in keyof Value]: Value[Name] };

/** What a trial finds out, as far as it came. */
export type Findings = Writable<Omit<TrialRecord, keyof PlannedTrial | 'formatVersion' | 'status' | 'error'>>;

/**
 * One whole restore by one strategy, timed from the first request for a chunk until the target is finished, then
 * proven. Whatever goes wrong inside ends up in the record, beside what was measured until then; only a cause that
 * would stop any trial is thrown.
 */
export async function runTrial(options: TrialOptions): Promise<TrialRecord> {
  const { planned, settings, signal } = options;
  const base = { ...planned, formatVersion: recordFormatVersion };
  const strategy = settings.strategies.find(({ label }) => label === planned.strategy);
  if (strategy === undefined) throw new Error(`the plan names ${planned.strategy}, which the case does not have`);
  const findings: Findings = {};
  try {
    if (strategy.external === undefined) await restoreOnce(strategy, options, findings);
    else await restoreByProgram(strategy, options, findings);
    return { ...base, status: 'completed', ...findings };
  } catch (error) {
    if (signal.aborted && signal.reason instanceof InterruptedError) {
      return { ...base, status: 'interrupted', error: recordError(signal.reason), ...findings };
    }
    return { ...base, status: 'failed', error: recordError(asMachineError(error, 'the restore')), ...findings };
  }
}

async function restoreOnce(
  { name, knobs }: BuiltInStrategySettings,
  { settings, trialSettings, prepared, lab, clientPid, clock, signal, findStrategy, onProgress }: TrialOptions,
  findings: Findings,
): Promise<void> {
  const strategy = findStrategy(name);
  if (strategy === undefined) throw new Error(`there is no strategy ${name}`);
  const beforeSetup = clock.now();
  await lab.reviveServers();
  await lab.configure(settings);
  const { transport } = settings;
  await using memory = new AsyncDisposableStack();
  await using sessions = await openSessions(prepared, { lab, connections: knobs.connections, transport, signal });
  findings.connection = {
    transport: { client: transport.name, server: transport.server },
    tlsProtocol: sessions.tls.protocol,
    tlsCipher: sessions.tls.cipher,
  };
  const { index, sources } = sessions;
  const pool = lab.decoderPool(knobs.decodeThreads, sessions.crypt);
  memory.use(lab.lendMemory(mostChunksHeld(knobs, index), pool));
  await using target = await createTarget(settings.target, { size: index.size, clock });
  using ports = composePorts({
    image: index,
    sources,
    decoder: pool,
    target: countBytes(target, onProgress),
    clock,
    knobs,
    signal,
    recording: trialSettings.recording,
    stallTimeoutMs: trialSettings.stallTimeoutMs,
  });

  if (settings.storage.cache === 'cold')
    findings.pageCache = await dropPageCache(chunkFiles(prepared.mounted.path, index), signal);
  const servers = lab.servers.inUse.map(({ pid }) => pid);
  const pids = { client: clientPid, servers, relay: lab.relay.pid, sampler: lab.sampler.pid };
  await Promise.all([lab.relay.call('resetCounters'), lab.servers.resetCounters()]);
  const decodeBusyBefore = pool.busyMs;
  const eventLoop = watchEventLoop();
  const before = readAll(pids);
  const fromStorageBefore = servers.map((pid) => readFromStorage(pid));
  const startedAtMs = clock.now();
  findings.startedAtMs = startedAtMs;
  findings.setupMs = startedAtMs - beforeSetup;

  const takeFindings = async (): Promise<void> => {
    findings.durationMs = clock.now() - startedAtMs;
    const usage = usages(before, readAll(pids));
    const bytesFromDisk = readBetween(
      fromStorageBefore,
      servers.map((pid) => readFromStorage(pid)),
    );
    const eventLoopFigures = eventLoop.stop();
    const decodeBusyMs = pool.busyMs - decodeBusyBefore;
    const spans = ports.recorder?.toSpanTable();
    if (spans !== undefined) findings.spans = spans;
    const [link, storage] = await Promise.all([
      lab.relay.call('counters'),
      lab.servers
        .counters()
        .catch((): { unavailable: string } => ({ unavailable: 'the server died during the trial' })),
    ]);
    findings.counters = {
      ...usage,
      link,
      storage: 'unavailable' in storage ? storage : { ...storage, bytesFromDisk },
      clientParts: {
        ...eventLoopFigures,
        decodeThreads: knobs.decodeThreads,
        decodeBusyMs,
        writeBusyMs: target.writeBusyMs,
        proofCpuMs: target.proofCpuMs,
        windowUtilization: sessions.peakWindowUtilization(),
        peakBufferedBytes: ports.budget.peakBytes,
        bufferWaits: ports.budget.waits,
      },
    };
  };

  try {
    await ports.restore(strategy, startedAtMs);
  } catch (error) {
    // The cause is the restore's, also where a process that counted died of it.
    await takeFindings().catch(() => {});
    // What the strategy left in the threads must not write to a file that is closed, nor run into the next trial.
    await pool.reset();
    throw error;
  }
  await takeFindings();

  const outcome = await target.prove(prepared.expected, signal);
  const problems = [...outcome.proof.problems, ...(prepared.mismatch === undefined ? [] : [prepared.mismatch])];
  findings.verified = outcome.verified && problems.length === 0;
  findings.proof = { ...outcome.proof, problems };
  if (outcome.sha256 !== undefined) findings.sha256 = outcome.sha256;
  if (findings.counters !== undefined) findings.bytes = trialBytes(index, findings.counters.link.bytesToClient);
}

interface RunProcesses<Value> {
  readonly client: Value;
  readonly servers: readonly Value[];
  readonly relay: Value;
  readonly sampler: Value;
}

const readAll = (pids: RunProcesses<number>): RunProcesses<UsageSnapshot> => ({
  client: readProcessUsage(pids.client),
  servers: pids.servers.map((pid) => readProcessUsage(pid)),
  relay: readProcessUsage(pids.relay),
  // What it starts (`ss`) is its cost too; the client's children are the other processes of the run.
  sampler: readProcessUsage(pids.sampler, { includeChildren: true }),
});

const usages = (
  before: RunProcesses<UsageSnapshot>,
  after: RunProcesses<UsageSnapshot>,
): Pick<TrialCounters, 'client' | 'server' | 'relay' | 'sampler'> => ({
  client: usageBetween(before.client, after.client),
  server: combineUsages(
    before.servers.map((start, index) =>
      usageBetween(start, after.servers[index] ?? { unavailable: 'not running: the process has ended' }),
    ),
  ),
  relay: usageBetween(before.relay, after.relay),
  sampler: usageBetween(before.sampler, after.sampler),
});

function trialBytes(image: Image, wire: number): TrialBytes {
  const seen = new Set<string>();
  let data = 0;
  let unique = 0;
  for (const { digest, length, isZero } of image.slots()) {
    if (isZero) continue;
    data += length;
    if (!seen.has(digest)) unique += length;
    seen.add(digest);
  }
  return { logical: image.size, data, unique, wire };
}

/** Progress is counted where bytes have been written, outside of what is recorded. */
function countBytes(target: RestoreTarget, onProgress: (bytes: number) => void): RestoreTarget {
  let written = 0;
  const count = (length: number): void => onProgress((written += length));
  return {
    write: async (offset, chunk) => {
      await target.write(offset, chunk);
      count(chunk.length);
    },
    writeZeroes: async (offset, length) => {
      await target.writeZeroes(offset, length);
      count(length);
    },
    finish: async () => await target.finish(),
  };
}
