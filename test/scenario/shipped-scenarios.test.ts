import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { parse } from 'yaml';

import { readScenarioFile } from '../../src/scenario/load-scenario.ts';
import { planTrials } from '../../src/scenario/plan.ts';
import { scenarioJsonSchema } from '../../src/scenario/schema.ts';
import { DEFAULT_CHUNK_SIZE } from '../../src/model/units.ts';
import { ZERO_CONTENT } from '../../src/material/chunk-recipe.ts';
import { planImage } from '../../src/workload/image-plan.ts';
import { strategies } from '../../src/strategy/strategies.ts';
import { schemaProblems } from './json-schema-problems.ts';

const folder = new URL('../../scenarios/', import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => fileURLToPath(new URL(name, folder)));
const MINUTE_MS = 60_000;

/** Slower than a restore was ever seen here, with room for a noisy machine. */
const SLOWEST_BYTES_PER_SECOND = 150e6;

test('all the ready scenarios are there', () => {
  assert.deepEqual(files.map((file) => basename(file, '.yaml')).toSorted(), [
    'adaptive',
    'ci-gate',
    'cold-cache',
    'golden',
    'highly-compressible',
    'lan',
    'large-image',
    'many-increments',
    'metro',
    'mostly-zero',
    'multi-connection',
    'quickstart',
    'slow-disk',
    'slow-link',
    'slow-target',
    'transports',
    'wan-100ms',
    'wan-25ms',
  ]);
});

test('at most a tenth of the quickstart image is zeros, counted in chunks', async () => {
  const { cases } = await readScenarioFile(fileURLToPath(new URL('quickstart.yaml', folder)));
  for (const { image, history } of cases) {
    const { backups, slotCount } = planImage(image, history, DEFAULT_CHUNK_SIZE);
    const zeros = backups.at(-1)?.filter((content) => content === ZERO_CONTENT).length ?? slotCount;
    assert.ok(zeros > 0 && zeros <= slotCount / 10, `${zeros} of ${slotCount}`);
  }
});

test('the CI gate bounds the memory of its window below what the buffer allows anyway', async () => {
  const { cases, objectives } = await readScenarioFile(fileURLToPath(new URL('ci-gate.yaml', folder)));
  const bound = objectives.find(({ left }) => left.kind === 'metric' && left.metric === 'peakBufferedBytes')?.right;
  const strategy = cases[0]?.strategies.find(({ label }) => label === 'window-unordered');
  assert.ok(bound?.kind === 'quantity' && strategy !== undefined && strategy.external === undefined);
  const { knobs } = strategy;
  // The worst case of a chunk: encoded and decoded at once.
  assert.ok(bound.value >= knobs.inFlight * 2 * DEFAULT_CHUNK_SIZE);
  assert.ok(bound.value < knobs.bufferBytes * 0.6);
});

for (const file of files) {
  const name = basename(file, '.yaml');
  test(`${name} is valid, explains itself, and points editors to the schema`, async () => {
    const scenario = await readScenarioFile(file);
    assert.equal(scenario.name, name);
    assert.ok((scenario.description ?? '').length > 100);
    assert.ok((scenario.source ?? '').length > 20);
    assert.equal(scenario.text.split('\n')[0], '# yaml-language-server: $schema=../schemas/scenario.schema.json');
  });

  test(`${name} is accepted by the JSON Schema`, () => {
    assert.deepEqual(schemaProblems(scenarioJsonSchema(), parse(readFileSync(file, 'utf8'))), []);
  });

  test(`${name} ends within three minutes`, async () => {
    const scenario = await readScenarioFile(file);
    const { timeBudgetMs } = scenario.trials;
    assert.ok(timeBudgetMs !== undefined, 'it has a time budget');
    // Warm-up blocks and the first measured one run whatever the budget says; one block may start just before its end.
    const blockMs = planTrials(scenario)
      .filter(({ block }) => block === 0)
      .reduce((sum, planned) => {
        const settings = scenario.cases[planned.case];
        assert.ok(settings !== undefined);
        const { image, link, storage, target } = settings;
        const knobs = settings.strategies.find(({ label }) => label === planned.strategy)?.knobs;
        const isReady = 'datastore' in settings.server;
        const bytes = isReady ? 48 * 1024 ** 2 : image.sizeBytes * (1 - image.zeroShare);
        const waits = planned.strategy === 'sequential' ? bytes / (4 * 1024 ** 2) : 0;
        const slowest = Math.min(
          SLOWEST_BYTES_PER_SECOND,
          link.rateBytesPerSecond ?? Infinity,
          (link.connectionRateBytesPerSecond ?? Infinity) * (knobs?.connections ?? 1),
          target.kind === 'throttled' ? target.rateBytesPerSecond : Infinity,
        );
        return sum + (bytes / slowest) * 1000 + waits * (link.roundTripMs + storage.readLatencyMs) + 500;
      }, 0);
    assert.ok(timeBudgetMs + blockMs < 2.5 * MINUTE_MS, `${Math.round(blockMs)} ms a block`);
    if (name === 'quickstart')
      assert.ok(timeBudgetMs + blockMs < MINUTE_MS + 15_000, `${Math.round(blockMs)} ms a block`);
  });
}

test('the golden scenario restores each image that the real server wrote, with every strategy', async () => {
  const expected: unknown = JSON.parse(
    readFileSync(new URL('../fixtures/golden/expected.json', import.meta.url), 'utf8'),
  );
  const { snapshots } = expected as {
    snapshots: Record<string, { files: Record<string, { original?: { sha256: string } }> }>;
  };
  const images = Object.entries(snapshots).flatMap(([snapshot, { files: archives }]) =>
    Object.entries(archives)
      .filter(([archive]) => archive.endsWith('.fidx'))
      .map(([archive, facts]) => ({ snapshot, archive, sha256: facts.original?.sha256 })),
  );
  const { cases } = await readScenarioFile(fileURLToPath(new URL('golden.yaml', folder)));
  const byName = (a: { snapshot: string; archive: string }, b: { snapshot: string; archive: string }): number =>
    `${a.snapshot}/${a.archive}`.localeCompare(`${b.snapshot}/${b.archive}`);
  assert.equal(images.length, 10);
  assert.deepEqual(
    cases
      .map(({ server }) => {
        assert.ok('datastore' in server);
        assert.equal(server.datastore, fileURLToPath(new URL('../fixtures/golden/store', import.meta.url)));
        return { snapshot: server.snapshot, archive: server.archive, sha256: server.sha256 };
      })
      .toSorted(byName),
    images.toSorted(byName),
  );
  for (const { strategies: run } of cases) {
    assert.deepEqual(
      run.map(({ name }) => name),
      Object.keys(strategies),
    );
  }
});
