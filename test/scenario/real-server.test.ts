import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ScenarioError } from '../../src/model/errors.ts';
import { GiB, MB } from '../../src/model/units.ts';
import { loadScenario, type Scenario } from '../../src/scenario/load-scenario.ts';

const place =
  'kind: pbs, repository: "bench@pbs@10.0.0.5:tank", snapshot: "vm/100/2026-02-16T16:30:44Z", archive: scsi0';

const load = (...lines: readonly string[]): Scenario =>
  loadScenario(['formatVersion: 1', 'name: real', ...lines].join('\n'), { file: 'real.yaml', folder: '/scenarios' });

function refused(lines: readonly string[], words: RegExp): void {
  assert.throws(
    () => load(...lines),
    (error) => error instanceof ScenarioError && words.test(error.message),
    `${lines.join(' / ')} should be refused with ${words}`,
  );
}

await describe('server: { kind: pbs }', () => {
  test('has 16 requests at a time, the whole image and a proof by digests', () => {
    const [{ server }] = load(`server: { ${place} }`).cases;
    assert.deepEqual(server, {
      kind: 'pbs',
      repository: 'bench@pbs@10.0.0.5:tank',
      snapshot: 'vm/100/2026-02-16T16:30:44Z',
      archive: 'scsi0.img.fidx',
      maxInFlight: 16,
      proof: 'digests',
    });
  });

  test('takes a sample, a rate, a namespace and a key that is beside the file', () => {
    const [{ server }] = load(
      `server: { ${place}, namespace: a/b, keyFile: key.json, sample: 8 GiB, sampling: contiguous, maxRate: 100 MB/s, proof: reference }`,
    ).cases;
    assert.ok(server.kind === 'pbs');
    assert.deepEqual(
      [
        server.namespace,
        server.keyFile,
        server.sampleBytes,
        server.sampling,
        server.maxRateBytesPerSecond,
        server.proof,
      ],
      ['a/b', '/scenarios/key.json', 8 * GiB, 'contiguous', 100 * MB, 'reference'],
    );
    const [spread] = load(`server: { ${place}, sample: 8 GiB }`).cases;
    assert.ok(spread.server.kind === 'pbs' && spread.server.sampling === 'spread');
  });

  test('varies its sample and its strategies in a matrix, in base units', () => {
    const { cases } = load(
      `server: { ${place} }`,
      'matrix: { server.sample: [1 GiB, 2 GiB], window-unordered.inFlight: [4, 8] }',
    );
    assert.deepEqual(
      cases.map(({ parameters }) => parameters),
      [GiB, 2 * GiB].flatMap((bytes) =>
        [4, 8].map((inFlight) => ({ 'server.sampleBytes': bytes, 'window-unordered.inFlight': inFlight })),
      ),
    );
  });

  test('cuts down what a strategy has by itself, and refuses what is asked beyond the limit', () => {
    const [{ strategies }] = load(
      `server: { ${place}, maxInFlight: 8 }`,
      'strategies: [{ name: window-unordered }, { name: adaptive }, { name: sequential }]',
    ).cases;
    assert.deepEqual(
      strategies.map(({ knobs: { inFlight } }) => inFlight),
      [8, 8, 1],
    );
    refused(
      [`server: { ${place} }`, 'strategies: [{ name: window-unordered, inFlight: 32 }]'],
      /asked for 16 things at a time at most, this strategy wants 32[\s\S]*maxInFlight/u,
    );
    refused(
      [`server: { ${place}, maxInFlight: 4 }`, 'strategies: [{ name: multi-connection, inFlight: 4, connections: 6 }]'],
      /wants 6 connections/u,
    );
    const [{ strategies: more }] = load(
      `server: { ${place}, maxInFlight: 32 }`,
      'strategies: [{ name: window-unordered, inFlight: 32 }]',
    ).cases;
    assert.equal(more[0]?.knobs.inFlight, 32);
  });

  test('runs programs on the whole image, and refuses to hold them to a sample or a rate', () => {
    const strategies = 'strategies: [{ name: window-unordered }, { name: external, command: [sh], output: none }]';
    const [{ strategies: taken }] = load(`server: { ${place} }`, strategies).cases;
    assert.deepEqual(
      taken.map(({ name }) => name),
      ['window-unordered', 'external'],
    );
    refused([`server: { ${place}, sample: 1 GiB }`, strategies], /a program restores the whole image/u);
    refused([`server: { ${place}, maxRate: 10 MB/s }`, strategies], /a program cannot be held to `server\.maxRate`/u);
    refused(
      [`server: { ${place} }`, strategies, 'matrix: { server.sample: [1 GiB, 2 GiB] }'],
      /a program restores the whole image/u,
    );
  });

  test('refuses what only the lab has, with a way to get there', () => {
    for (const section of [
      'link: { roundTrip: 25 ms }',
      'storage: { readLatency: 1 ms }',
      'image: { size: 1 GiB }',
      'history: { depth: 3 }',
      'matrix: { link.roundTrip: [1 ms, 2 ms] }',
    ])
      refused([`server: { ${place} }`, section], /has its own link, disks and images[\s\S]*restorelab capture/u);
    refused([`server: { ${place} }`, 'transport: { name: h2, server: h2 }'], /HTTP\/2 of its own/u);
    refused(
      ['server: { kind: embedded }', `matrix: { server: [{ kind: embedded }, { ${place} }] }`],
      /either in the lab or on a real server/u,
    );
  });

  test('refuses a password in the repository, names that lead elsewhere, and half a sample', () => {
    for (const [server, words] of [
      ['kind: pbs, repository: "https://a:secret@b", snapshot: "vm/1/2026-02-16T16:30:44Z", archive: a', /repository/u],
      [
        'kind: pbs, repository: "a@pam:secret@b:tank", snapshot: "vm/1/2026-02-16T16:30:44Z", archive: a',
        /repository/u,
      ],
      [`${place}, namespace: ../a`, /namespace/u],
      [`${place}, namespace: a//b`, /namespace/u],
      ['kind: pbs, snapshot: "vm/../2026-02-16T16:30:44Z", archive: a', /snapshot/u],
      ['kind: pbs, snapshot: "vm/1/2026-02-16T16:30:44Z", archive: ../a', /archive/u],
      [`${place}, sampling: spread`, /no sample/u],
      [`${place}, maxInFlight: 0`, /out of range/u],
      ['kind: pbs, snapshot: "vm/1/2026-02-16T16:30:44Z"', /archive/u],
    ] as const)
      refused([`server: { ${server} }`], words);
  });

  test('shows no secret where one was written into the file, and marks the place all the same', () => {
    const snapshot = 'snapshot: "vm/1/2026-02-16T16:30:44Z", archive: a';
    for (const written of [
      'repository: "https://a:hunter2@b:8007/tank"',
      'repository: "a@pam:hunter2@b:tank"',
      'repository: "a@pbs!t1:hunter2@b:tank"',
      'password: hunter2',
      '"password": "a hunter2"',
      'tokenSecret: hunter2, sample: 0 B',
    ]) {
      refused([`server: { kind: pbs, ${written}, ${snapshot} }`], /^real\.yaml:3:\d+: (?!.*hunter2)[^]*\^~+/u);
      refused([`server: { kind: pbs, ${written}, ${snapshot} }`], /^(?![^]*hunter2)/u);
    }
  });

  test('takes every repository that clients of PBS take', () => {
    const snapshot = 'snapshot: "vm/1/2026-02-16T16:30:44Z", archive: scsi0';
    for (const repository of [
      'tank',
      'pbs1:tank',
      '8008:tank',
      '10.0.0.5:1234:tank',
      'admin@pam@pbs1:8008:tank',
      'bk@pbs!ci@[fd00::1]:tank',
      '[::1]:8007:tank',
      'a@b@pam@pbs.example:tank',
    ])
      assert.ok(
        load(`server: { kind: pbs, repository: "${repository}", ${snapshot} }`, 'strategies: [{ name: sequential }]'),
      );
  });
});
