import { metric, metricValue, unavailable, type Metric } from '../model/metric.ts';
import type { CaseRecord, ProcessUsage, RunRecord } from '../model/records.ts';
import type { VerdictCode } from '../model/report.ts';
import { median } from '../stats/quantile.ts';
import { carryingConnections } from './carrying-connections.ts';
import { clientFigure } from './client-parts.ts';
import { wireShare, type MeasuredTrial } from './measured-trials.ts';
import { routeSpeed } from './route-speed.ts';

/** A pipelined link or disk never reaches 1: the first and the last chunk leave it idle at either end of a trial. */
const DECLARED_BUSY = 0.9;
/** Writes stop while the last fetches of a trial run out, so a target that limits is idle a little longer. */
const TARGET_BUSY = 0.85;
/** A thread that is runnable for nine tenths of a trial has no room left for more chunks in flight. */
const THREAD_BUSY = 0.9;
/** The kernel's own work and the sampler take the rest of the cores of a machine that is full. */
export const CORES_BUSY = 0.9;
/** Of a rate that the scenario sets itself: the first request goes alone, and the last ones are waited for. */
export const OWN_RATE_REACHED = 0.85;
/** The ceiling is measured in one quiet stream; under TLS, many streams and other load it comes out somewhat lower. */
const CEILING_SHARE = 0.85;

export type ResourceCode = Exclude<VerdictCode, 'serialised-by-latency' | 'inconclusive'>;

/**
 * Of several resources at their limit, the one that comes first here is named. A run at the emulator's ceiling says
 * nothing of anything else. What is counted against a declared figure is exact, CPU of a shared machine is not; and a
 * busy emulator spoils what is said of client and server.
 */
export const precedences = ['emulator-ceiling', 'declared', 'emulator', 'measured'] as const;
export type Precedence = (typeof precedences)[number];

interface Surroundings {
  readonly record: CaseRecord;
  readonly run: RunRecord;
}

/** One way in which a resource can be found to limit a restore. */
export interface ResourceRule {
  readonly code: ResourceCode;
  /** Name of the evidence. */
  readonly name: string;
  readonly threshold: number;
  /** `measured` unless the rule says otherwise. */
  readonly precedence?: Precedence | ((settings: CaseRecord['settings']) => Precedence);
  /** 0..1, or why it is not known. */
  readonly utilization: (trial: MeasuredTrial, surroundings: Surroundings) => Metric;
}

/**
 * Every resource on the path. A declared rate, bandwidth or depth serves only as what a counted amount is divided by.
 * Time that a main thread was runnable but waited for a core counts as use: whatever waits for that thread waits longer.
 */
export const resourceRules: readonly ResourceRule[] = [
  declared('link', 'link, server to client', linkUse),
  declared('link', 'link, rate of each connection', connectionUse),
  declared('storage', 'storage, places of the queue', storageQueueUse),
  declared('storage', 'storage, bandwidth', storageBandwidthUse),
  {
    code: 'target',
    name: 'target, writing',
    threshold: TARGET_BUSY,
    // Nothing is declared of the others: their writing is wall clock on this machine.
    precedence: ({ target }) => (target.kind === 'throttled' ? 'declared' : 'measured'),
    utilization: ({ counters, durationMs }) =>
      clientFigure(counters, ({ writeBusyMs }) => writeBusyMs / durationMs) ?? NOT_COUNTED,
  },
  {
    code: 'emulator-bound',
    name: 'link emulator, main thread',
    threshold: THREAD_BUSY,
    precedence: 'emulator',
    utilization: (trial) => mainThreadUse(trial, trial.counters?.relay),
  },
  {
    code: 'emulator-bound',
    name: 'link emulator, share of its ceiling',
    threshold: CEILING_SHARE,
    precedence: 'emulator-ceiling',
    utilization: ceilingShare,
  },
  {
    code: 'client-cpu',
    name: 'client, main thread',
    threshold: THREAD_BUSY,
    utilization: (trial) => mainThreadUse(trial, trial.counters?.client),
  },
  {
    code: 'client-cpu',
    name: 'client, event loop',
    threshold: THREAD_BUSY,
    utilization: ({ counters }) => clientFigure(counters, (parts) => parts.eventLoopUtilization) ?? NOT_COUNTED,
  },
  { code: 'client-cpu', name: 'client, decode threads', threshold: THREAD_BUSY, utilization: decodeUse },
  {
    code: 'server-cpu',
    name: 'server, main thread',
    threshold: THREAD_BUSY,
    utilization: (trial) => mainThreadUse(trial, trial.counters?.server),
  },
  {
    code: 'client-cpu',
    name: 'all cores, most by the client',
    threshold: CORES_BUSY,
    utilization: (trial, { run }) => allCoresUse(trial, run, 'client'),
  },
  {
    code: 'server-cpu',
    name: 'all cores, most by the server',
    threshold: CORES_BUSY,
    utilization: (trial, { run }) => allCoresUse(trial, run, 'server'),
  },
  {
    code: 'emulator-bound',
    name: 'all cores, most by the link emulator',
    threshold: CORES_BUSY,
    utilization: (trial, { run }) => allCoresUse(trial, run, 'relay'),
  },
];

/** A rule with its utilization: the median over measured trials, cut at 1. */
export interface MeasuredResource extends Omit<ResourceRule, 'utilization' | 'precedence'> {
  readonly precedence: Precedence;
  readonly measured: Metric;
  readonly met: boolean;
}

export function measureResources(
  trials: readonly MeasuredTrial[],
  surroundings: Surroundings,
): readonly MeasuredResource[] {
  return resourceRules.map((rule) => {
    const readings = trials.map((trial) => rule.utilization(trial, surroundings));
    const value = median(readings.flatMap((reading) => metricValue(reading) ?? []));
    const measured =
      value === undefined
        ? (readings[0] ?? unavailable('no trial was measured'))
        : metric(Math.min(Math.max(value, 0), 1));
    return {
      code: rule.code,
      name: rule.name,
      threshold: rule.threshold,
      precedence:
        typeof rule.precedence === 'function'
          ? rule.precedence(surroundings.record.settings)
          : (rule.precedence ?? 'measured'),
      measured,
      met: value !== undefined && value >= rule.threshold,
    };
  });
}

function declared(code: ResourceCode, name: string, utilization: ResourceRule['utilization']): ResourceRule {
  return { code, name, threshold: DECLARED_BUSY, precedence: 'declared', utilization };
}

const NOT_COUNTED = unavailable('not counted');

/** Of a real link only what this machine's interface can do is known, and with a rate of our own not even whether it was tried. */
function linkUse(trial: MeasuredTrial, { record, run }: Surroundings): Metric {
  const { counters, durationMs } = trial;
  if (run.mode === 'real') return interfaceUse(trial, record);
  if (counters === undefined) return NOT_COUNTED;
  const { link } = counters;
  if ('unavailable' in link) return link;
  const busyMs = metricValue(link.busyToClientMs);
  if (busyMs !== undefined) return metric(busyMs / durationMs);
  const rate = record.settings.link.rateBytesPerSecond;
  if (rate === undefined) return unavailable('no rate is declared');
  return metric((link.bytesToClient * 1000) / durationMs / rate);
}

function interfaceUse(trial: MeasuredTrial, record: CaseRecord): Metric {
  const speed = routeSpeed(record);
  return 'value' in speed ? wireShare(trial, speed.value) : speed;
}

function connectionUse({ counters, durationMs, spans }: MeasuredTrial, { record: { settings } }: Surroundings): Metric {
  const rate = settings.link.connectionRateBytesPerSecond;
  if (rate === undefined) return unavailable('no rate per connection is declared');
  if (counters === undefined) return NOT_COUNTED;
  if ('unavailable' in counters.link) return counters.link;
  const connections = carryingConnections(counters, spans);
  return metric((counters.link.bytesToClient * 1000) / durationMs / (rate * connections));
}

function storageQueueUse({ counters, durationMs }: MeasuredTrial, { record: { settings } }: Surroundings): Metric {
  if (counters === undefined) return NOT_COUNTED;
  if ('unavailable' in counters.storage) return counters.storage;
  const places = settings.storage.queueDepth * (settings.server.processes ?? 1);
  return metric(counters.storage.slotBusyMs / (places * durationMs));
}

function storageBandwidthUse({ counters, durationMs }: MeasuredTrial): Metric {
  if (counters === undefined) return NOT_COUNTED;
  if ('unavailable' in counters.storage) return counters.storage;
  const busyMs = counters.storage.bandwidthBusyMs;
  return 'value' in busyMs ? metric(busyMs.value / durationMs) : busyMs;
}

function mainThreadUse({ durationMs }: MeasuredTrial, usage: ProcessUsage | undefined): Metric {
  if (usage === undefined) return NOT_COUNTED;
  const { mainThreadRunMs: run, mainThreadWaitMs: wait } = usage;
  if (!('value' in run)) return run;
  return metric((run.value + (metricValue(wait) ?? 0)) / durationMs);
}

function ceilingShare(trial: MeasuredTrial, { run }: Surroundings): Metric {
  const ceiling = run.emulatorCeilingBytesPerSecond;
  if (!('value' in ceiling)) return ceiling;
  return ceiling.value > 0 ? wireShare(trial, ceiling.value) : unavailable('its ceiling was measured as 0');
}

function decodeUse({ counters, durationMs }: MeasuredTrial): Metric {
  if (counters === undefined) return NOT_COUNTED;
  return clientFigure(counters, ({ decodeThreads, decodeBusyMs }) =>
    decodeThreads === 0 ? unavailable('the main thread decodes') : metric(decodeBusyMs / (decodeThreads * durationMs)),
  );
}

const runProcesses = ['client', 'server', 'relay'] as const;
/** Of a run against a real server only the client is a process of this machine. */
const ownProcesses: Readonly<Record<RunRecord['mode'], readonly (typeof runProcesses)[number][]>> = {
  emulate: runProcesses,
  real: ['client'],
};

/** CPU of the run's own processes over all cores of the machine, or why it is not known. */
export function ownCoresUse({ counters, durationMs }: MeasuredTrial, cores: number, mode: RunRecord['mode']): Metric {
  if (counters === undefined) return NOT_COUNTED;
  let usedMs = 0;
  for (const name of ownProcesses[mode]) {
    const used = counters[name].cpuMs;
    if (!('value' in used)) return used;
    usedMs += used.value;
  }
  return metric(usedMs / (cores * durationMs));
}

/**
 * Client, server and emulator share one machine, so that none of them alone can fill its cores: their sum counts, and
 * belongs to the one that uses most. Waiting is left out here, since with many threads it would make other programs'
 * load look like this run's.
 */
function allCoresUse(trial: MeasuredTrial, { host, mode }: RunRecord, user: (typeof runProcesses)[number]): Metric {
  const { counters } = trial;
  const share = ownCoresUse(trial, host.cores, mode);
  if (counters === undefined || !('value' in share)) return share;
  if (!ownProcesses[mode].includes(user)) return counters[user].cpuMs;
  const cpuMs = (name: (typeof runProcesses)[number]): number => metricValue(counters[name].cpuMs) ?? 0;
  const most = runProcesses.toSorted((a, b) => cpuMs(b) - cpuMs(a))[0];
  return most === user ? share : unavailable(`the ${most === 'relay' ? 'link emulator' : most} used more`);
}
