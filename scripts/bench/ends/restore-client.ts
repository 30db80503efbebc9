// The client of measured restores, as a process of its own: what `restorelab run` runs, without its user interface.
import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { Cache } from '../../../src/cache/cache.ts';
import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { Lab } from '../../../src/harness/lab.ts';
import { prepareImage, type PreparedImage } from '../../../src/harness/prepare-image.ts';
import { runTrial } from '../../../src/harness/run-trial.ts';
import { metricValue, type Metric } from '../../../src/model/metric.ts';
import type { SpanTable, TrialRecord } from '../../../src/model/records.ts';
import { KiB } from '../../../src/model/units.ts';
import { collectLessOften } from '../../../src/process/collect-less-often.ts';
import { keepYoungMemorySmall } from '../../../src/process/keep-young-memory-small.ts';
import { serveCalls } from '../../../src/process/serve-calls.ts';
import { loadScenario, type Scenario } from '../../../src/scenario/load-scenario.ts';
import { findStrategy } from '../../../src/strategy/strategies.ts';
import type { RestoreClientCalls, TrialFigures } from './restore-control.ts';
import { TurnTimes } from './turn-times.ts';

collectLessOften();
keepYoungMemorySmall();

interface OpenClient {
  readonly lab: Lab;
  readonly folder: string;
  readonly leases: DisposableStack;
  /** By the text of their scenario. */
  readonly images: Map<string, { readonly scenario: Scenario; readonly image: PreparedImage }>;
}

const clock = monotonicClock();
const { signal } = new AbortController();
let client: OpenClient | undefined;

function opened(): OpenClient {
  if (client === undefined) throw new Error('the client is not open');
  return client;
}

async function prepared(text: string): Promise<{ readonly scenario: Scenario; readonly image: PreparedImage }> {
  const { lab, folder, leases, images } = opened();
  const known = images.get(text);
  if (known !== undefined) return known;
  const scenario = loadScenario(text, { file: 'bench.yaml', folder });
  const image = await prepareImage(firstCase(scenario), {
    lab,
    leases,
    cache: new Cache(join(folder, 'cache')),
    signal,
    onProgress: () => {},
  });
  const entry = { scenario, image };
  images.set(text, entry);
  return entry;
}

function firstCase({ cases: [first] }: Scenario): Scenario['cases'][number] {
  if (first === undefined) throw new Error('the scenario has no case');
  return first;
}

const calls: RestoreClientCalls = {
  async open({ folder }) {
    const lab = await Lab.start({ certificateFolder: join(folder, 'certificate'), clientPid: process.pid, clock });
    client = { lab, folder, leases: new DisposableStack(), images: new Map() };
  },
  async prepare({ scenario }) {
    await prepared(scenario);
  },
  async restore({ scenario: text, strategy, recording, watchTurns = false }) {
    const { lab, folder } = opened();
    const { scenario, image } = await prepared(text);
    const samples = join(folder, `samples-${process.pid}.jsonl`);
    if (recording) await lab.startSampling(samples);
    const canTellPeak = resetPeakResident();
    using turns = watchTurns ? new TurnTimes() : undefined;
    const record = await runTrial({
      planned: { index: 0, block: 0, warmUp: false, case: 0, strategy },
      settings: firstCase(scenario),
      trialSettings: { ...scenario.trials, recording },
      prepared: image,
      lab,
      clientPid: process.pid,
      clock,
      signal,
      findStrategy,
      onProgress: () => {},
    });
    const peak = canTellPeak ? peakResidentBytes() : undefined;
    if (recording) {
      await lab.stopSampling();
      await rm(samples);
    }
    return {
      ...figuresOf(record, image),
      ...(turns === undefined ? {} : { turnCpuMsP99: turns.p99 }),
      ...(peak === undefined ? {} : { peakResidentBytes: peak }),
    };
  },
  async close() {
    await client?.lab[Symbol.asyncDispose]();
    client?.leases[Symbol.dispose]();
    client = undefined;
  },
};

function figuresOf(
  { counters, bytes, durationMs, verified, proof, error, spans }: TrialRecord,
  { facts }: PreparedImage,
): TrialFigures {
  if (counters === undefined || bytes === undefined || durationMs === undefined || verified !== true) {
    throw new Error(`the restore failed: ${error?.message ?? proof?.problems.join('; ') ?? 'not verified'}`);
  }
  const { client: used, clientParts, sampler, server } = counters;
  if ('unavailable' in clientParts) throw new Error(clientParts.unavailable);
  const delay = metricValue(clientParts.eventLoopDelayMs.p99);
  const wait = metricValue(used.mainThreadWaitMs);
  return {
    dataBytes: bytes.data,
    storedShare: facts.storedBytes / facts.uniqueBytes,
    durationMs,
    clientCpuMs: needed(used.cpuMs),
    proofCpuMs: clientParts.proofCpuMs,
    samplerCpuMs: needed(sampler.cpuMs),
    serverCpuMs: needed(server.cpuMs),
    ...(spans === undefined ? {} : { decodeMs: decodeMs(spans) }),
    ...(delay === undefined ? {} : { eventLoopDelayMsP99: delay }),
    ...(wait === undefined ? {} : { mainThreadWaitMs: wait }),
  };
}

function needed(metric: Metric): number {
  if ('unavailable' in metric) throw new Error(`CPU time cannot be had here: ${metric.unavailable}`);
  return metric.value;
}

function decodeMs({ decodeStartedMs, decodedMs }: SpanTable): number {
  return decodedMs.reduce<number>((sum, ended, row) => sum + ((ended ?? 0) - (decodeStartedMs[row] ?? ended ?? 0)), 0);
}

/** proc(5): 5 sets the peak of the resident set to what it is now. */
function resetPeakResident(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    return false;
  }
}

function peakResidentBytes(): number | undefined {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/mu.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * KiB;
}

serveCalls(calls, { onEnd: () => calls.close() });
