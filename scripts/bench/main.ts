// npm run bench: see docs/benchmarks.md for what is measured and how the ratios are defined.
import { randomBytes } from 'node:crypto';
import { access, constants, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import { hostFacts } from '../../src/metrics/host-inventory.ts';
import type { HostFacts } from '../../src/model/records.ts';
import { formatDuration } from '../../src/model/units.ts';
import { seededRandom } from '../../src/scenario/shuffle.ts';
import { LiveRegion } from '../../src/ui/live-region.ts';
import { benchTables, listTable } from './bench-tables.ts';
import { families } from './families/families.ts';
import { help, parseOptions, type BenchOptions } from './options.ts';
import { measuredRatios, measuredValues, type Outcome } from './outcome.ts';
import { runBlocks, type Progress } from './run-blocks.ts';
import { select, type Selection } from './selection.ts';

/** The promised limits are 10 and 25 minutes; the rest is for the last block, which may be longer than expected. */
const QUICK_LIMIT_MS = 9 * 60_000;
const FULL_LIMIT_MS = 23 * 60_000;

const options = readOptions();
// Found out before the measuring, and not after it.
if (options.jsonFile !== undefined)
  await access(dirname(options.jsonFile), constants.W_OK).catch((error: unknown) =>
    refuse(`--json: ${(error as Error).message}`),
  );
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A probe may take a minute. The processes that it started end with this one.
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort(new Error('interrupted'));
  });
}
if (options.help) {
  process.stdout.write(help);
} else {
  const folder = await mkdtemp(join(tmpdir(), 'restorelab-bench-'));
  try {
    const host = await hostFacts({ versions: process.versions });
    const all = families({ ...options, folder, host });
    if (options.list) process.stdout.write(listTable(all));
    else
      process.exitCode = await bench(
        choose(() => select(all, options.only)),
        host,
      );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function bench(selections: readonly Selection[], host: HostFacts): Promise<number> {
  const { quick, jsonFile, seed = randomBytes(6).toString('hex') } = options;
  const clock = monotonicClock();
  const startedMs = clock.now();
  using region = new LiveRegion({ stream: process.stderr, env: process.env, clock });
  const measured = await runBlocks(selections, {
    limitMs: options.limitMs ?? (quick ? QUICK_LIMIT_MS : FULL_LIMIT_MS),
    signal: interrupted.signal,
    random: seededRandom(seed),
    now: () => clock.now(),
    onProgress: (progress) => region.update([progressText(progress)]),
  });
  region.end();
  const outcome: Outcome = {
    host,
    mode: quick ? 'quick' : 'full',
    seed,
    durationSeconds: (clock.now() - startedMs) / 1000,
    measurements: measured.flatMap(measuredValues),
    ratios: measured.flatMap(measuredRatios),
    problems: measured.flatMap(({ selection, problem }) =>
      problem === undefined ? [] : [`${selection.family.name}: ${problem}`],
    ),
  };
  process.stdout.write(`${benchTables(outcome)}\nseed ${seed}, ${formatDuration(outcome.durationSeconds * 1000)}\n`);
  if (jsonFile !== undefined) await writeFile(jsonFile, `${JSON.stringify(outcome, undefined, 2)}\n`);
  for (const problem of outcome.problems) process.stderr.write(`problem: ${problem}\n`);
  return outcome.problems.length === 0 && outcome.ratios.every(({ met, judged }) => met || judged === false) ? 0 : 1;
}

function progressText({ family, block, measurements, elapsedMs, remainingMs }: Progress): string {
  const what = measurements === undefined ? 'starting' : measurements.join(', ');
  return `${formatDuration(elapsedMs)}, about ${formatDuration(remainingMs)} left: ${family}, block ${block}: ${what}`;
}

function readOptions(): BenchOptions {
  return choose(() => parseOptions(process.argv.slice(2)));
}

/** What the user asked for that does not exist is the user's to mend. */
function choose<Choice>(make: () => Choice): Choice {
  try {
    return make();
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
