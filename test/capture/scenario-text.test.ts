import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import type { Estimate } from '../../src/capture/estimate.ts';
import { captureScenario, type Captured } from '../../src/capture/scenario-text.ts';
import { GiB, MB } from '../../src/model/units.ts';
import { loadScenario, type Scenario } from '../../src/scenario/load-scenario.ts';

const estimate = (value: number): Estimate => ({ value, interval: [value * 0.9, value * 1.1], samples: 40 });

const captured: Captured = {
  repository: 'bench@pbs!t1@[fd00::1]:8007:tank',
  namespace: 'a/b',
  snapshot: 'vm/100/2026-01-31T02:00:00Z',
  archive: 'drive-scsi0.img.fidx',
  capturedAt: '2026-02-01T00:00:00.000Z',
  tool: { name: 'restorelab', version: '1.2.3' },
  estimates: {
    roundTripMs: estimate(25.31),
    rate: estimate(37.5 * MB),
    firstByteMs: estimate(10.4),
    isSteady: true,
    readLatencyMs: estimate(10.4),
    sequentialRate: estimate(20 * MB),
    windowRate: estimate(36 * MB),
    compressionRatio: 1.743,
  },
  inFlight: 16,
  connections: 4,
  image: { sizeBytes: 60 * GiB, chunkCount: 15_360, zeroShare: 0.25, repeatedShare: 0.031 },
  history: { backups: 5, changeRate: 0.04 },
  ages: [{ name: 'first in backup 1 to 2 of 5', firstByteMs: estimate(30) }],
  transferredBytes: GiB,
  durationMs: 20_000,
  facts: [{ name: 'server', text: 'Proxmox Backup Server 4.2.3' }],
};

const load = (text: string): Scenario => loadScenario(text, { file: 'captured.yaml', folder: '/' });

await describe('the scenario that a capture writes', () => {
  test('is one that can be run, with what was found', () => {
    const { cases, objectives, name } = load(captureScenario(captured));
    const [{ link, storage, image, history, strategies }] = cases;
    assert.equal(name, 'captured-vm-100');
    assert.deepEqual(link, { roundTripMs: 25.3, jitterMs: 0, rateBytesPerSecond: 37.5 * MB });
    assert.deepEqual(storage, { readLatencyMs: 10.4, queueDepth: 64, cache: 'warm' });
    assert.equal(image.sizeBytes, GiB, 'smaller than the real one');
    assert.equal(image.zeroShare, 0.25);
    assert.equal(image.repeatedShare, 0.031);
    assert.equal(image.compressionRatio, 1.74);
    assert.deepEqual(history, { depth: 5, changeRate: 0.04 });
    assert.deepEqual(
      strategies.map(({ label, knobs: { inFlight } }) => [label, inFlight]),
      [
        ['sequential', 1],
        ['window-unordered', 16],
      ],
    );
    assert.equal(objectives.length, 4);
  });

  test('says above each value what was measured, and between which bounds', () => {
    const text = captureScenario(captured);
    assert.match(text, /# 25\.3 ms \[22\.8 ms, 27\.8 ms\]: 40 PINGs[^\n]*\n {2}roundTrip: 25\.3 ms/u);
    assert.match(text, /# 37\.5 MB\/s \[33\.8 MB\/s, 41\.[23] MB\/s\](?:[^\n]*\n {2}#)*[^\n]*\n {2}rate: 300 Mbit\/s/u);
    assert.match(text, /# first byte by age of the chunk: first in backup 1 to 2 of 5 30 ms/u);
    assert.match(text, /# server: Proxmox Backup Server 4\.2\.3/u);
  });

  test('carries limits of one connection and of the disks', () => {
    const { estimates } = captured;
    const text = captureScenario({
      ...captured,
      estimates: { ...estimates, jitterMs: 2, connectionRate: estimate(10 * MB), bandwidth: estimate(90 * MB) },
    });
    const [{ link, storage }] = load(text).cases;
    assert.equal(link.jitterMs, 2);
    assert.equal(link.connectionRateBytesPerSecond, 10 * MB);
    assert.equal(storage.bandwidthBytesPerSecond, 90 * MB);
  });

  test('is valid whatever was measured and whatever a server says of itself', () => {
    const value = (max: number): fc.Arbitrary<Estimate> =>
      fc.double({ min: 0.001, max, noNaN: true }).map((one) => estimate(one));
    const share = fc.double({ min: 0, max: 0.5, noNaN: true });
    fc.assert(
      fc.property(
        fc.record({
          roundTripMs: value(10_000),
          rate: value(1e10).map(({ value: rate }) => estimate(rate + 1000)),
          readLatencyMs: value(30_000),
          rates: fc.tuple(value(1e10), value(1e10)),
          compressionRatio: fc.double({ min: 1, max: 5000, noNaN: true }),
          shares: fc.tuple(share, share),
          said: fc.string({ unit: 'binary' }),
          jitterShare: fc.double({ min: 0.02, max: 0.5, noNaN: true }),
        }),
        ({ roundTripMs, rate, readLatencyMs, rates, compressionRatio, shares, said, jitterShare }) => {
          const text = captureScenario({
            ...captured,
            facts: [{ name: 'server', text: said }],
            image: { ...captured.image, zeroShare: shares[0], repeatedShare: shares[1] },
            estimates: {
              ...captured.estimates,
              roundTripMs,
              rate,
              readLatencyMs,
              compressionRatio,
              jitterMs: roundTripMs.value * jitterShare,
              sequentialRate: rates[0],
              windowRate: rates[1],
            },
          });
          const { cases } = load(text);
          assert.equal(cases.length, 1);
        },
      ),
    );
  });
});
