// What a sequential restore keeps of its rate beside another restore from the same emulated disk, for each neighbour:
// alone, beside each of them, alone again and so on, in blocks.
//
//   node scripts/politeness.ts [--blocks N] [--size MiB] [--storage '{ readLatency: 20 ms, queueDepth: 1 }']
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { Cache } from '../src/cache/cache.ts';
import { monotonicClock } from '../src/clock/monotonic.ts';
import { Lab } from '../src/harness/lab.ts';
import { prepareImage } from '../src/harness/prepare-image.ts';
import { runTrial } from '../src/harness/run-trial.ts';
import type { TrialRecord } from '../src/model/records.ts';
import { formatRate } from '../src/model/units.ts';
import { collectLessOften } from '../src/process/collect-less-often.ts';
import { loadScenario } from '../src/scenario/load-scenario.ts';
import { pairedRatio } from '../src/stats/interval.ts';
import { findStrategy } from '../src/strategy/strategies.ts';

collectLessOften();
const { values } = parseArgs({
  options: {
    blocks: { type: 'string', default: '10' },
    size: { type: 'string', default: '128' },
    storage: { type: 'string', default: '{ readLatency: 20 ms, queueDepth: 1 }' },
  },
});
/** One decode thread: both restores are on this machine, and it is the disk that they shall share. */
const neighbours = ['polite', 'not-polite'] as const;
const folder = await mkdtemp(join(tmpdir(), 'restorelab-politeness-'));
const scenario = loadScenario(
  `formatVersion: 1
name: politeness
link: { roundTrip: 1 ms }
storage: ${values.storage}
image: { size: ${values.size} MiB, zeroShare: 0 %, compressionRatio: 1.0 }
strategies:
  - { name: sequential }
  - { name: adaptive, label: polite, polite: true, decodeThreads: 1 }
  - { name: adaptive, label: not-polite, decodeThreads: 1 }
`,
  { file: 'politeness.yaml', folder },
);
const settings = scenario.cases[0];
if (settings === undefined) throw new Error('the scenario has no case');
const clock = monotonicClock();
try {
  await using lab = await Lab.start({ certificateFolder: join(folder, 'certificate'), clientPid: process.pid, clock });
  using leases = new DisposableStack();
  const prepared = await prepareImage(settings, {
    lab,
    leases,
    cache: new Cache(join(folder, 'cache')),
    signal: new AbortController().signal,
    onProgress: () => {},
  });

  const restore = async (strategy: string, signal: AbortSignal): Promise<TrialRecord> =>
    await runTrial({
      planned: { index: 0, block: 0, warmUp: false, case: 0, strategy },
      settings,
      trialSettings: scenario.trials,
      prepared,
      lab,
      clientPid: process.pid,
      clock,
      signal,
      findStrategy,
      onProgress: () => {},
    });
  /** Bytes per second. */
  const sequentialRate = async (): Promise<number> => {
    const { bytes, durationMs, verified, error } = await restore('sequential', new AbortController().signal);
    if (bytes === undefined || durationMs === undefined || verified !== true)
      throw new Error(`the restore failed: ${error?.message ?? 'not verified'}`);
    return (bytes.data * 1000) / durationMs;
  };
  /** The neighbour has begun before and restores again and again until the other is done. */
  const sequentialRateBeside = async (strategy: string): Promise<number> => {
    const end = new AbortController();
    const neighbour = async (): Promise<void> => {
      while (!end.signal.aborted) {
        const { status, error } = await restore(strategy, end.signal);
        if (status === 'failed' && !end.signal.aborted) throw new Error(`the neighbour failed: ${error?.message}`);
      }
    };
    const running = neighbour();
    try {
      await clock.sleep(2000);
      return await sequentialRate();
    } finally {
      end.abort(new Error('the other restore is done'));
      await running;
    }
  };

  const pairs: Record<(typeof neighbours)[number], { of: number; to: number }[]> = { polite: [], 'not-polite': [] };
  await sequentialRate();
  for (let block = 0; block < Number(values.blocks); block += 1) {
    const alone = await sequentialRate();
    for (const strategy of neighbours) pairs[strategy].push({ of: await sequentialRateBeside(strategy), to: alone });
    const figures = neighbours.map((strategy) => `${formatRate(pairs[strategy].at(-1)?.of ?? NaN)} beside ${strategy}`);
    console.log(`block ${block + 1}: ${formatRate(alone)} alone, ${figures.join(', ')}`);
  }
  for (const strategy of neighbours) {
    const kept = pairedRatio(pairs[strategy]);
    const interval = kept?.interval?.map((bound) => bound.toFixed(2)).join('-') ?? 'unknown';
    console.log(`kept beside adaptive, ${strategy}: ${kept?.ratio.toFixed(2)}, 95 % interval ${interval}`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit();
