import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';

import { loadScenario, type Scenario } from '../../src/scenario/load-scenario.ts';

const head = 'formatVersion: 1\nname: loaded\n';

const load = (text: string): Scenario => loadScenario(text, { file: 'loaded.yaml', folder: '/home/me/scenarios' });

test('a scenario of a name only has documented defaults', () => {
  const { cases, trials, seed, objectives, sha256 } = load(head);
  assert.deepEqual(cases, [
    {
      index: 0,
      server: { kind: 'embedded', processes: 1, chunks: 'files' },
      link: { roundTripMs: 0, jitterMs: 0 },
      transport: {
        name: 'h2',
        server: 'h2',
        streamWindowBytes: 2_147_483_646,
        connectionWindowBytes: 2_147_483_646,
        maxFrameBytes: 4_194_304,
      },
      storage: { readLatencyMs: 0, queueDepth: 64, cache: 'warm' },
      image: {
        sizeBytes: 512 * 1024 ** 2,
        zeroShare: 0.1,
        repeatedShare: 0,
        compressionRatio: 1.5,
        seed: 'restorelab',
      },
      history: { depth: 1, changeRate: 0.05 },
      target: { kind: 'discard' },
      strategies: [
        {
          name: 'sequential',
          label: 'sequential',
          knobs: {
            inFlight: 1,
            decodeThreads: 0,
            writers: 1,
            bufferBytes: 256 * 1024 ** 2,
            connections: 1,
            polite: false,
          },
        },
        {
          name: 'window-unordered',
          label: 'window-unordered',
          knobs: {
            inFlight: 16,
            decodeThreads: 4,
            writers: 1,
            bufferBytes: 256 * 1024 ** 2,
            connections: 1,
            polite: false,
          },
        },
      ],
      parameters: {},
    },
  ]);
  assert.deepEqual(trials, { repeats: 5, warmUp: 1, order: 'interleaved', recording: true, stallTimeoutMs: 30_000 });
  assert.equal(seed, 'restorelab');
  assert.deepEqual(objectives, []);
  assert.equal(sha256, hash('sha256', head));
});

test('every section is read into base units', () => {
  const { cases, trials, seed, name, description, source, sections, objectives } = load(`${head}description: >-
  shows
  something
source: a complaint
seed: 42
link: { roundTrip: 30 ms, jitter: 500 us, rate: 2.5 Gbit/s, connectionRate: 1 Gbit/s }
storage: { readLatency: 2 ms, bandwidth: 2 GB/s, queueDepth: 32, cache: cold }
image: { size: 1 GiB, zeroShare: 20 %, repeatedShare: 5 %, compressionRatio: 2, seed: other }
history: { depth: 3, changeRate: 1 % }
target: { kind: file, path: ../restored.raw }
strategies: [{ name: window-unordered, label: small, inFlight: 4, decodeThreads: 2, writers: 2, bufferBytes: 64 MiB }]
trials: { repeats: 3, warmUp: 0, order: grouped, timeBudget: 1 min, recording: off, stallTimeout: 5 s }
objectives: [ small.throughput.data > 5 MB/s ]
`);
  const [{ link, storage, image, history, target, strategies }] = cases;
  assert.deepEqual(link, {
    roundTripMs: 30,
    jitterMs: 0.5,
    rateBytesPerSecond: 312_500_000,
    connectionRateBytesPerSecond: 125_000_000,
  });
  assert.deepEqual(storage, { readLatencyMs: 2, bandwidthBytesPerSecond: 2e9, queueDepth: 32, cache: 'cold' });
  assert.deepEqual(image, {
    sizeBytes: 1024 ** 3,
    zeroShare: 0.2,
    repeatedShare: 0.05,
    compressionRatio: 2,
    seed: 'other',
  });
  assert.deepEqual(history, { depth: 3, changeRate: 0.01 });
  assert.deepEqual(target, { kind: 'file', path: '/home/me/restored.raw' });
  assert.deepEqual(strategies, [
    {
      name: 'window-unordered',
      label: 'small',
      knobs: { inFlight: 4, decodeThreads: 2, writers: 2, bufferBytes: 64 * 1024 ** 2, connections: 1, polite: false },
    },
  ]);
  assert.deepEqual(trials, {
    repeats: 3,
    warmUp: 0,
    order: 'grouped',
    timeBudgetMs: 60_000,
    recording: false,
    stallTimeoutMs: 5000,
  });
  assert.deepEqual([name, description, source, seed], ['loaded', 'shows something', 'a complaint', '42']);
  assert.deepEqual(sections['history'], { depth: 3, changeRate: '1 %' });
  assert.equal(objectives.length, 1);
});

test('a ready datastore is found relative to the file, and its archive gets its suffix', () => {
  const ready = (archive: string): unknown =>
    load(
      `${head}server: { kind: embedded, datastore: ../store, snapshot: "vm/100/2026-02-16T16:30:44Z", archive: ${archive} }`,
    ).cases[0].server;
  const expected = {
    kind: 'embedded',
    processes: 1,
    datastore: '/home/me/store',
    snapshot: 'vm/100/2026-02-16T16:30:44Z',
    archive: 'drive-scsi0.img.fidx',
  };
  for (const archive of ['drive-scsi0', 'drive-scsi0.img', 'drive-scsi0.img.fidx'])
    assert.deepEqual(ready(archive), expected);
});

test('an alias of a strategy is resolved and kept as the label', () => {
  const { cases, objectives } = load(
    `${head}strategies: [{ name: ordered-async }]\nobjectives: [ordered-async.duration < 5 s]`,
  );
  assert.deepEqual([cases[0].strategies[0]?.name, cases[0].strategies[0]?.label], ['window-ordered', 'ordered-async']);
  assert.equal(objectives.length, 1);
});

test('a matrix gives one case for each combination, with parameters in base units', () => {
  const { cases } = load(`${head}matrix:
  link.roundTrip: [0 ms, 10 ms]
  link.rate: [1 Gbit/s, unlimited]
  strategies.0.decodeThreads: [1]
  window-unordered.inFlight: [4, 16]
`);
  assert.deepEqual(
    cases.map(({ parameters }) => Object.values(parameters).join(' ')),
    [
      '0 125000000 1 4',
      '0 125000000 1 16',
      '0 unlimited 1 4',
      '0 unlimited 1 16',
      '10 125000000 1 4',
      '10 125000000 1 16',
      '10 unlimited 1 4',
      '10 unlimited 1 16',
    ],
  );
  assert.deepEqual(Object.keys(cases[0].parameters), [
    'link.roundTripMs',
    'link.rateBytesPerSecond',
    'sequential.decodeThreads',
    'window-unordered.inFlight',
  ]);
  const last = cases.at(-1);
  assert.deepEqual(last?.link, { roundTripMs: 10, jitterMs: 0 });
  assert.deepEqual(
    last?.strategies.map(({ knobs }) => [knobs.inFlight, knobs.decodeThreads]),
    [
      [1, 1],
      [16, 4],
    ],
  );
  assert.deepEqual(
    cases.map(({ index }) => index),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
});

test('a matrix can list whole sections, which replace the declared one', () => {
  const { cases } = load(`${head}link: { roundTrip: 5 ms, jitter: 1 ms }
target: { kind: throttled, rate: 100 MB/s }
matrix:
  link: [{ roundTrip: 10 ms }, { rate: 1 Gbit/s }]
  target.rate: [60 MB/s]
`);
  assert.deepEqual(
    cases.map(({ link, target, parameters }) => [link, target, parameters]),
    [
      [
        { roundTripMs: 10, jitterMs: 0 },
        { kind: 'throttled', rateBytesPerSecond: 60e6 },
        {
          'link.roundTripMs': 10,
          'link.jitterMs': 0,
          'link.rateBytesPerSecond': 'unlimited',
          'link.connectionRateBytesPerSecond': 'unlimited',
          'target.rateBytesPerSecond': 60e6,
        },
      ],
      [
        { roundTripMs: 0, jitterMs: 0, rateBytesPerSecond: 125e6 },
        { kind: 'throttled', rateBytesPerSecond: 60e6 },
        {
          'link.roundTripMs': 0,
          'link.jitterMs': 0,
          'link.rateBytesPerSecond': 125e6,
          'link.connectionRateBytesPerSecond': 'unlimited',
          'target.rateBytesPerSecond': 60e6,
        },
      ],
    ],
  );
});

test('cases over servers are called by what they restore', () => {
  const { cases } = load(`${head}matrix:
  server:
    - { kind: embedded }
    - { kind: embedded, datastore: store, snapshot: "vm/1/2026-01-01T00:00:00Z", archive: drive-scsi0 }
`);
  assert.deepEqual(
    cases.map(({ parameters }) => parameters),
    [{ server: 'synthetic image' }, { server: 'vm/1/2026-01-01T00:00:00Z/drive-scsi0.img' }],
  );
});

test('what two aliases share is not changed in both by one key of the matrix', () => {
  const { cases } = load(`${head}strategies:
  - &window { name: window-unordered, label: a }
  - { name: window-unordered, label: b }
link: &delays { roundTrip: 8 ms, jitter: 1 ms }
matrix:
  link.roundTrip: [4 ms]
`);
  assert.equal(cases[0].link.roundTripMs, 4);
  const shared = load(`${head}matrix:\n  link: [&l { roundTrip: 8 ms }]\n  link.jitter: [1 ms, 2 ms]\n`);
  assert.deepEqual(
    shared.cases.map(({ link }) => link.jitterMs),
    [1, 2],
  );
});

test('one increment and 100 % of zero and repeated chunks are allowed', () => {
  const { cases } = load(
    `${head}history: { depth: 1, changeRate: 5 % }\nimage: { zeroShare: 60 %, repeatedShare: 40 % }`,
  );
  assert.equal(cases[0].image.repeatedShare, 0.4);
});
