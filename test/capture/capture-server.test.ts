import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { Cache } from '../../src/cache/cache.ts';
import {
  captureServer,
  CAPTURE_CONNECTIONS,
  CAPTURE_IN_FLIGHT,
  type CapturedServer,
} from '../../src/capture/capture-server.ts';
import { captureScenario } from '../../src/capture/scenario-text.ts';
import { monotonicClock } from '../../src/clock/monotonic.ts';
import { DecoderPool } from '../../src/decode/decoder-pool.ts';
import { Lab } from '../../src/harness/lab.ts';
import type { CaseSettings } from '../../src/model/environment.ts';
import { MiB } from '../../src/model/units.ts';
import { ensureDatastore } from '../../src/workload/ensure-datastore.ts';
import { loadScenario } from '../../src/scenario/load-scenario.ts';
import { Workbench } from '../e2e/workbench.ts';

const truth = { roundTripMs: 25, rateBytesPerSecond: 300e6 / 8, readLatencyMs: 10 };

test('finds round trip, rate and read latency of a server, and writes the scenario that behaves like it', async () => {
  await using bench = await Workbench.open();
  const clock = monotonicClock();
  const signal = new AbortController().signal;
  const served = loadScenario(
    [
      'formatVersion: 1',
      'name: served',
      'link: { roundTrip: 25 ms, rate: 300 Mbit/s }',
      'storage: { readLatency: 10 ms }',
      'image: { size: 256 MiB, zeroShare: 10 %, repeatedShare: 5 %, compressionRatio: 5 }',
    ].join('\n'),
    { file: 'served.yaml', folder: bench.folder },
  );
  const settings: CaseSettings = served.cases[0];
  await using lab = await Lab.start({
    certificateFolder: join(bench.folder, 'certificate'),
    clientPid: process.pid,
    clock,
  });
  using workload = await ensureDatastore({
    image: settings.image,
    history: settings.history,
    chunks: 'files',
    cache: new Cache(join(bench.folder, 'cache')),
    signal,
    onProgress() {},
  });
  await lab.configure(settings);
  const mounted = await lab.mount(workload.path);
  await using decoder = new DecoderPool({ threads: 4, clock });
  const capture = async (seed: string): Promise<CapturedServer> =>
    await captureServer({
      open: ({ snapshot, connection }) => lab.connect(mounted, { snapshot, connection, signal }),
      snapshot: workload.snapshot,
      archive: workload.archive,
      listBackups: async () => [workload.snapshot],
      decoder,
      budgetBytes: 200 * MiB,
      seed,
      phaseMs: 1200,
      clock,
      signal,
      onProgress() {},
    });
  const isNear = (found: number, value: number, tolerance = 0.1): boolean => Math.abs(found / value - 1) <= tolerance;
  const near = (found: number, value: number, tolerance?: number): void =>
    assert.ok(isNear(found, value, tolerance), `${found} where ${value} is right`);
  const found = ({ estimates: { roundTripMs, rate, firstByteMs } }: CapturedServer): boolean =>
    isNear(roundTripMs.value, truth.roundTripMs) &&
    isNear(rate.value, truth.rateBytesPerSecond) &&
    isNear(firstByteMs.value, truth.readLatencyMs);
  // Other tests may keep both cores of the machine busy for the whole of one capture.
  let captured = await capture('1');
  for (let attempt = 2; attempt <= 3 && !found(captured); attempt += 1) captured = await capture(String(attempt));
  const { estimates, image } = captured;
  const text = captureScenario({
    repository: 'root@pam@127.0.0.1:8007:store',
    snapshot: workload.snapshot,
    archive: workload.archive,
    capturedAt: new Date().toISOString(),
    tool: { name: 'restorelab', version: '0' },
    inFlight: CAPTURE_IN_FLIGHT,
    connections: CAPTURE_CONNECTIONS,
    facts: [],
    ...captured,
  });
  near(estimates.roundTripMs.value, truth.roundTripMs);
  near(estimates.rate.value, truth.rateBytesPerSecond);
  near(estimates.firstByteMs.value, truth.readLatencyMs);
  near(estimates.compressionRatio, workload.facts.uniqueBytes / workload.facts.storedBytes);
  assert.equal(estimates.connectionRate, undefined, 'one connection has all of the link');
  assert.equal(image.zeroShare, workload.facts.zeroChunkCount / workload.facts.chunkCount);

  // Rates do not depend on the size of the image; several trials, since a busy machine makes one slower and never faster.
  const file = join(bench.folder, 'captured.yaml');
  await writeFile(
    file,
    text.replace(/^trials:.*$/mu, 'trials: { repeats: 2, warmUp: 0 }').replace(/^ {2}size:.*$/mu, '  size: 160 MiB'),
  );
  const fastest = [0, 0];
  const wanted = [estimates.sequentialRate.value, estimates.windowRate.value];
  for (let run = 1; run <= 3 && !fastest.every((rate, index) => isNear(rate, wanted[index] ?? 0, 0.15)); run += 1) {
    const { report } = await bench.run(file);
    assert.equal(report.objectives.length, 4, 'both rates are held between two bounds');
    for (const [index, { trials }] of (report.cases[0]?.strategies ?? []).entries()) {
      const rates = trials.map(({ bytes, durationMs = Infinity }) => ((bytes?.wire ?? 0) * 1000) / durationMs);
      fastest[index] = Math.max(fastest[index] ?? 0, ...rates);
    }
  }
  for (const [index, rate] of fastest.entries()) near(rate, wanted[index] ?? 0, 0.15);
});
