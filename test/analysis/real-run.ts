// Synthetic records of runs against a real server, of which this machine counts nothing but the client.
import type { CaseSettings } from '../../src/model/environment.ts';
import { unavailable } from '../../src/model/metric.ts';
import type { ProcessUsage, RunData, SampleTable, TrialRecord } from '../../src/model/records.ts';
import { caseRecord, caseSettings, runRecord, trial, type TrialOptions } from './synthetic-run.ts';

export const realServer = {
  kind: 'pbs',
  snapshot: 'vm/100/2026-02-16T16:30:44Z',
  archive: 'drive-scsi0.img.fidx',
  maxInFlight: 16,
  proof: 'digests',
} as const;

const reason = unavailable('not measured: the server is another machine');
const unknownUsage: ProcessUsage = {
  cpuMs: reason,
  mainThreadRunMs: reason,
  mainThreadWaitMs: reason,
  allThreadsRunMs: reason,
  allThreadsWaitMs: reason,
  residentBytes: reason,
};

/** A share of all of the machine's cores that something used, sampled once a second. */
export function sampledCores(share: number, cores = 2): SampleTable {
  return {
    formatVersion: 1,
    intervalMs: 1000,
    columns: [
      { name: 'timeMs', kind: 'gauge' },
      { name: 'cpu.busyMs', kind: 'counter' },
    ],
    unavailable: {},
    rows: Array.from({ length: 60 }, (_, index) => [index * 1000, index * 1000 * cores * share]),
  };
}

/** Three blocks of every strategy. */
export function realRun(
  settings: Partial<CaseSettings> = {},
  options: TrialOptions = {},
  samples: SampleTable = sampledCores(0.3),
): RunData {
  const { link: _link, ...record } = caseRecord(caseSettings({ server: realServer, ...settings }), {
    server: {
      repository: 'bench@pbs@pbs.example:tank',
      namespace: '',
      version: '4.1',
      route: { interface: 'eth0', speedBytesPerSecond: unavailable('unknown: no speed') },
    },
  });
  const trials = [0, 1, 2].flatMap((block) =>
    record.settings.strategies.map((strategy): TrialRecord => {
      const one = trial(record, strategy, block, options);
      if (one.counters === undefined) return one;
      const storage = { unavailable: 'not measured: the server is another machine' };
      const link = { unavailable: 'not measured: no link is emulated' };
      return {
        ...one,
        proof: { method: 'sha256-per-chunk', problems: one.proof?.problems ?? [] },
        counters: { ...one.counters, server: unknownUsage, relay: unknownUsage, link, storage },
      };
    }),
  );
  const run = runRecord([record], {
    mode: 'real',
    emulatorCeilingBytesPerSecond: unavailable('not measured: no link is emulated'),
  });
  return { run, trials, samples };
}
