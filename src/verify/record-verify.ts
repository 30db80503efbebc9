import { rm } from 'node:fs/promises';

import { hostFacts } from '../metrics/host-inventory.ts';
import type { SamplerCalls } from '../metrics/control.ts';
import { readProcessUsage, usageBetween, type UsageSnapshot } from '../metrics/process-usage.ts';
import { DEFAULT_SAMPLE_INTERVAL_MS } from '../metrics/sample-interval.ts';
import { RunDirectory } from '../harness/run-directory.ts';
import { readSamples } from '../harness/read-run.ts';
import type { RunRecord } from '../model/records.ts';
import { verifyFormatVersion, type VerifyData, type VerifyRecord, type VerifySettings } from '../model/verify.ts';
import { entryUrl, ServiceProcess } from '../process/service-process.ts';
import { SpanRows } from './span-rows.ts';
import { verifyDatastore, type VerifyOptions } from './verify-datastore.ts';

/** Its name inside the directory of a verify. */
export const verifyRecordFile = 'verify.json';

export interface RecordVerifyOptions extends Omit<VerifyOptions, 'onVerified' | 'onStart' | 'onEnd'> {
  readonly settings: VerifySettings;
  /** Folder in which the directory of the verify is made. */
  readonly out: string;
  /** Of this process. */
  readonly pid: number;
  readonly tool: RunRecord['tool'];
  readonly versions: Readonly<Record<string, string | undefined>>;
}

export interface RecordedVerify extends VerifyData {
  readonly directory: RunDirectory;
}

const samplerEntry = entryUrl('../metrics/main', import.meta.url);

/**
 * Verifies, watched by the sampler, and saves what was measured in a directory of its own.
 * @throws as {@link verifyDatastore}; MachineError when the directory cannot be written
 */
export async function recordVerify(options: RecordVerifyOptions): Promise<RecordedVerify> {
  const { settings, out, pid, tool, versions, ...verify } = options;
  const startedAt = new Date();
  // What is not there needs no directory.
  if (verify.snapshot !== undefined) await verify.datastore.requireSnapshot(verify.snapshot);
  const directory = await RunDirectory.create(out, 'verify', startedAt, { hasTrials: false });
  const host = hostFacts({ versions, folders: [settings.datastore] });
  // Waited for below; until then the verify may fail first.
  host.catch(() => {});
  let isSaved = false;
  await using resources = new AsyncDisposableStack();
  // A verify that ended early has nothing to keep.
  resources.defer(async () => {
    if (!isSaved) await rm(directory.path, { recursive: true, force: true });
  });
  const sampler = resources.use(await startSampler(directory, pid));
  const spans = new SpanRows();
  const usage: UsageSnapshot[] = [];
  const outcome = await verifyDatastore({
    ...verify,
    onVerified: (verified) => spans.add(verified),
    onStart: () => {
      usage.push(readProcessUsage(pid));
      spans.start(verify.clock.now());
    },
    onEnd: () => usage.push(readProcessUsage(pid)),
  });
  const problem = await sampler.stop();
  const [before, after] = usage;
  const unknown: UsageSnapshot = { unavailable: 'not measured: the verify ended before' };
  const table = spans.toSpanTable();
  const record: VerifyRecord = {
    formatVersion: verifyFormatVersion,
    tool,
    host: await host,
    startedAt: startedAt.toISOString(),
    settings,
    ...outcome,
    warnings: [
      ...outcome.warnings,
      ...(problem === undefined ? [] : [`USE samples are missing: ${problem}`]),
      ...(table === undefined ? [`the times of more than ${spans.limit} chunks were not recorded`] : []),
    ],
    usage: usageBetween(before ?? unknown, after ?? unknown),
    ...(table === undefined ? {} : { spans: table }),
  };
  await directory.write(verifyRecordFile, `${JSON.stringify(record)}\n`);
  isSaved = true;
  const samples = problem === undefined ? await readSamples(directory.samplesFile) : undefined;
  return { directory, record, ...(samples === undefined ? {} : { samples }) };
}

interface RunningSampler extends AsyncDisposable {
  /** Returns why there are no samples, one clause, if there are none. */
  stop(): Promise<string | undefined>;
}

/** A verify is worth more than its samples: without a sampler it goes on. */
async function startSampler(directory: RunDirectory, pid: number): Promise<RunningSampler> {
  let child: ServiceProcess<SamplerCalls>;
  try {
    child = await ServiceProcess.start<SamplerCalls>('sampler', samplerEntry);
  } catch (error) {
    return { stop: async () => (error as Error).message, [Symbol.asyncDispose]: async () => {} };
  }
  const { samplesFile: file } = directory;
  const started = child.call('start', {
    file,
    intervalMs: DEFAULT_SAMPLE_INTERVAL_MS,
    processes: { client: pid },
    ports: [],
  });
  started.catch(() => {});
  return {
    stop: async () => {
      try {
        await started;
        await child.call('stop');
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
