// What recording costs: client plus sampler CPU per GB of data with spans and samples on, against the same restore with
// both off, in interleaved pairs.
//
//   node scripts/recording-cost.ts [--pairs N] [--size MiB]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { Cache } from '../src/cache/cache.ts';
import { monotonicClock } from '../src/clock/monotonic.ts';
import { Lab } from '../src/harness/lab.ts';
import { prepareImage } from '../src/harness/prepare-image.ts';
import { runTrial } from '../src/harness/run-trial.ts';
import { metricValue } from '../src/model/metric.ts';
import { GB } from '../src/model/units.ts';
import { collectLessOften } from '../src/process/collect-less-often.ts';
import { loadScenario } from '../src/scenario/load-scenario.ts';
import { pairedRatio } from '../src/stats/interval.ts';
import { findStrategy } from '../src/strategy/strategies.ts';

// As the command does it: the cost is that of the real client.
collectLessOften();
const { values } = parseArgs({
  options: { pairs: { type: 'string', default: '40' }, size: { type: 'string', default: '512' } },
});
const maxPairs = Number(values.pairs);
/** The interval at which no more pairs are added: +-3 %. */
const WANTED_HALF_WIDTH = 0.03;
const MIN_PAIRS = 6;

const folder = await mkdtemp(join(tmpdir(), 'restorelab-recording-'));
const scenario = loadScenario(
  `formatVersion: 1\nname: recording-cost\nimage: { size: ${values.size} MiB, zeroShare: 0 %, compressionRatio: 1.0 }\n` +
    'strategies: [ { name: window-unordered } ]\ntrials: { repeats: 1, warmUp: 0 }\n',
  { file: 'recording-cost.yaml', folder },
);
const settings = scenario.cases[0];
if (settings === undefined) throw new Error('the scenario has no case');
const clock = monotonicClock();
const { signal } = new AbortController();
try {
  await using lab = await Lab.start({ certificateFolder: join(folder, 'certificate'), clientPid: process.pid, clock });
  using leases = new DisposableStack();
  const prepared = await prepareImage(settings, {
    lab,
    leases,
    cache: new Cache(join(folder, 'cache')),
    signal,
    onProgress: () => {},
  });

  const restore = async (recording: boolean): Promise<{ cpuSecondsPerGb: number; bytesPerSecond: number }> => {
    if (recording) await lab.startSampling(join(folder, 'samples.jsonl'));
    const record = await runTrial({
      planned: { index: 0, block: 0, warmUp: false, case: 0, strategy: 'window-unordered' },
      settings,
      trialSettings: { ...scenario.trials, recording },
      prepared,
      lab,
      clientPid: process.pid,
      clock,
      signal,
      findStrategy,
      onProgress: () => {},
    });
    if (recording) {
      await lab.stopSampling();
      await rm(join(folder, 'samples.jsonl'));
    }
    if (
      record.counters === undefined ||
      record.bytes === undefined ||
      record.durationMs === undefined ||
      record.verified !== true
    ) {
      throw new Error(`the restore failed: ${record.error?.message ?? 'not verified'}`);
    }
    const cpuMs =
      (metricValue(record.counters.client.cpuMs) ?? Number.NaN) +
      (metricValue(record.counters.sampler.cpuMs) ?? Number.NaN);
    return {
      cpuSecondsPerGb: cpuMs / 1000 / (record.bytes.data / GB),
      bytesPerSecond: record.bytes.data / (record.durationMs / 1000),
    };
  };

  await restore(true);
  await restore(false);
  const cpuPairs: { of: number; to: number }[] = [];
  const ratePairs: { of: number; to: number }[] = [];
  for (let pair = 0; pair < maxPairs; pair += 1) {
    const order = pair % 2 === 0 ? [true, false] : [false, true];
    const results = new Map<boolean, Awaited<ReturnType<typeof restore>>>();
    for (const recording of order) results.set(recording, await restore(recording));
    const on = results.get(true);
    const off = results.get(false);
    if (on === undefined || off === undefined) throw new Error('a restore of the pair is missing');
    cpuPairs.push({ of: on.cpuSecondsPerGb, to: off.cpuSecondsPerGb });
    ratePairs.push({ of: on.bytesPerSecond, to: off.bytesPerSecond });
    const cpu = pairedRatio(cpuPairs);
    if (cpu?.interval === undefined) continue;
    console.log(
      `pair ${pair + 1}: CPU ${cpu.ratio.toFixed(3)} (${cpu.interval.map((bound) => bound.toFixed(3)).join('-')}), on ${on.cpuSecondsPerGb.toFixed(3)}, off ${off.cpuSecondsPerGb.toFixed(3)} s/GB`,
    );
    if (
      pair + 1 >= MIN_PAIRS &&
      cpu.interval[1] / cpu.ratio - 1 <= WANTED_HALF_WIDTH &&
      1 - cpu.interval[0] / cpu.ratio <= WANTED_HALF_WIDTH
    )
      break;
  }
  const cpu = pairedRatio(cpuPairs);
  const rate = pairedRatio(ratePairs);
  console.log(
    `client and sampler CPU per GB, recording on / off: ${cpu?.ratio.toFixed(3)}, 95 % interval ${cpu?.interval?.map((bound) => bound.toFixed(3)).join('-')}, ${cpuPairs.length} pairs`,
  );
  console.log(
    `data rate, recording on / off: ${rate?.ratio.toFixed(3)}, 95 % interval ${rate?.interval?.map((bound) => bound.toFixed(3)).join('-')}`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit();
