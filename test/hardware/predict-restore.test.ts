import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  predictClientCpuSecondsPerGb,
  predictRestore,
  primitivesOfRestore,
  restoreCosts,
  sensibleDecodeThreads,
} from '../../src/hardware/predict-restore.ts';
import { primitiveNames } from '../../src/hardware/primitive-names.ts';
import type { HardwareProfile } from '../../src/hardware/profile.ts';
import { metricValue } from '../../src/model/metric.ts';
import { GB } from '../../src/model/units.ts';
import { plantedProfile, without } from './planted-profile.ts';

/** Messages so cheap that figures come out round. */
const free = { perCpuSecond: 1e20 };

const exact = (actual: number | undefined, expected: number): void => {
  assert.ok(actual !== undefined && Math.abs(actual / expected - 1) < 1e-6, `${actual} is not ${expected}`);
};

const machine = plantedProfile({
  'tls-receive-placed': { perCpuSecond: 2 * GB },
  'http2-framing': { perCpuSecond: 10 * GB },
  'sha-256': { perCpuSecond: 2 * GB },
  'zstd-decompress-2': { perCpuSecond: 4 * GB },
  'file-write': { perCpuSecond: 5 * GB, perSecond: 0.4 * GB },
  'thread-round-trip': free,
});

const shape = { compressionRatio: 1, target: 'discard' } as const;

describe('CPU time of the client per GB', () => {
  it('is the sum of TLS, framing and SHA-256 for uncompressed chunks', () => {
    exact(metricValue(predictClientCpuSecondsPerGb(machine, shape)), 0.5 + 0.1 + 0.5);
  });

  it('charges the frames like the other bytes that are received', () => {
    const framed = plantedProfile({ 'thread-round-trip': free, 'http2-framing': { perCpuSecond: 4 * GB } });
    const unframed = plantedProfile({ 'thread-round-trip': free, 'http2-framing': free });
    const costs = [framed, unframed].map((profile) => restoreCosts(profile, { ...shape, compressionRatio: 2 }, 1));
    exact(((costs[0]?.mainThread ?? 0) - (costs[1]?.mainThread ?? 0)) * GB, 0.25 / 2);
  });

  it('halves what is received and adds the decompressor for 2:1 chunks', () => {
    const predicted = predictClientCpuSecondsPerGb(machine, { ...shape, compressionRatio: 2 });
    exact(metricValue(predicted), (0.5 + 0.1) / 2 + 0.5 + 0.25);
  });

  it('adds the writes for a file', () => {
    exact(metricValue(predictClientCpuSecondsPerGb(machine, { ...shape, target: 'file' })), 1.1 + 0.2);
  });

  it('adds two round trips of messages for each chunk of 4 MiB', () => {
    const chatty = plantedProfile({ 'thread-round-trip': { perCpuSecond: 1000 } });
    const quiet = plantedProfile({ 'thread-round-trip': free });
    const cost = (profile: typeof chatty): number =>
      metricValue(predictClientCpuSecondsPerGb(profile, shape)) ?? Number.NaN;
    exact(cost(chatty) - cost(quiet), (2 * 0.001 * GB) / (4 * 2 ** 20));
  });

  it('takes the decompressor between the ratios that were measured in proportion to the stored share', () => {
    const profile = plantedProfile({
      'thread-round-trip': free,
      'zstd-decompress-2': { perCpuSecond: 2 * GB },
      'zstd-decompress-10': { perCpuSecond: 10 * GB },
    });
    const decoding = (compressionRatio: number): number =>
      restoreCosts(profile, { ...shape, compressionRatio }, 1).decoding * GB - 1;
    exact(decoding(2), 0.5);
    exact(decoding(10), 0.1);
    exact(decoding(1 / 0.3), 0.3);
    exact(decoding(1 / 0.75), 0.75);
    exact(decoding(50), 0.1);
  });

  it('takes what was measured on all cores where all are busy, and in between in proportion', () => {
    const crowded = plantedProfile({
      'thread-round-trip': free,
      'http2-framing': free,
      'sha-256': { perCpuSecond: 2 * GB },
      'sha-256 n': { perCpuSecond: 1 * GB },
    });
    exact(restoreCosts(crowded, shape, 1).decoding * GB, 0.5);
    exact(restoreCosts(crowded, shape, 4).decoding * GB, 1);
    exact(restoreCosts(crowded, shape, 2).decoding * GB, 0.5 + 0.5 / 3);
    exact(restoreCosts(crowded, shape, 40).decoding * GB, 1);
    exact(metricValue(predictClientCpuSecondsPerGb(crowded, shape)), 1 + 1);
    exact(metricValue(predictClientCpuSecondsPerGb(crowded, { ...shape, busyThreads: 1 })), 1 + 0.5);
  });

  it('names the primitive that the profile lacks', () => {
    const predicted = predictClientCpuSecondsPerGb(without(machine, 'sha-256'), shape);
    assert.match('unavailable' in predicted ? predicted.unavailable : '', /no CPU time of sha-256/u);
  });

  it('does not need the decompressor for uncompressed chunks', () => {
    assert.ok('value' in predictClientCpuSecondsPerGb(without(machine, 'zstd-decompress-10'), shape));
  });
});

describe('the primitives of a restore', () => {
  for (const target of ['discard', 'file'] as const) {
    for (const compressionRatio of [1, 3]) {
      it(`are all that its prediction needs, and none too many (${compressionRatio}:1, ${target})`, () => {
        const needed = primitivesOfRestore({ compressionRatio, target });
        const isPredicted = (profile: HardwareProfile): boolean =>
          'value' in predictClientCpuSecondsPerGb(profile, { compressionRatio, target });
        const others = primitiveNames.filter((name) => !needed.has(name));
        assert.ok(isPredicted(others.reduce(without, machine)));
        for (const name of needed) assert.ok(!isPredicted(without(machine, name)), name);
      });
    }
  }
});

describe('the rate that the primitives allow', () => {
  const predict = (decodeThreads: number, more: object = {}): ReturnType<typeof predictRestore> =>
    predictRestore(machine, { ...shape, decodeThreads, server: 'elsewhere', ...more });

  it('is limited by the main thread where decode threads and cores suffice', () => {
    const { bytesPerSecond, limit, bounds } = predict(2);
    exact(metricValue(bytesPerSecond), GB / 0.6);
    assert.equal(limit, 'main thread');
    exact(bounds['decode threads'], 2 * 2 * GB);
    exact(bounds.cores, (4 * GB) / 1.1);
  });

  it('is limited by one decode thread that has to decompress as well', () => {
    const { bytesPerSecond, limit } = predict(1, { compressionRatio: 2 });
    exact(metricValue(bytesPerSecond), GB / 0.75);
    assert.equal(limit, 'decode threads');
  });

  it('is limited by the cores where there are more threads than these', () => {
    const narrow = plantedProfile({ 'thread-round-trip': free, 'http2-framing': free }, { cores: 1 });
    const { bytesPerSecond, limit } = predictRestore(narrow, { ...shape, decodeThreads: 2, server: 'elsewhere' });
    exact(metricValue(bytesPerSecond), GB / 2);
    assert.equal(limit, 'cores');
  });

  it('is limited by the writer, at the rate of the writes and not their CPU time', () => {
    const { bytesPerSecond, limit } = predict(4, { target: 'file' });
    exact(metricValue(bytesPerSecond), 0.4 * GB);
    assert.equal(limit, 'writer');
  });

  it('puts everything on the main thread without decode threads', () => {
    const { bytesPerSecond, limit, bounds } = predict(0);
    exact(metricValue(bytesPerSecond), GB / 1.1);
    assert.equal(limit, 'main thread');
    assert.equal(bounds['decode threads'], undefined);
  });

  it('is never lower with more decode threads', () => {
    for (const compressionRatio of [1, 1.5, 2, 10]) {
      const rates = sensibleDecodeThreads(4).map((threads) => {
        const { bytesPerSecond } = predict(threads, { compressionRatio });
        return metricValue(bytesPerSecond) ?? 0;
      });
      assert.deepEqual(
        rates,
        rates.toSorted((a, b) => a - b),
      );
    }
  });

  it('is not named where the server shares the cores, but the CPU time is', () => {
    const { bytesPerSecond, limit, cpuSecondsPerGb } = predict(4, { server: 'here' });
    assert.match('unavailable' in bytesPerSecond ? bytesPerSecond.unavailable : '', /shares the 4 cores/u);
    assert.equal(limit, undefined);
    exact(metricValue(cpuSecondsPerGb), 1.1);
  });

  it('is named where the server has cores of its own on the same machine, which may be the limit', () => {
    const { bytesPerSecond, limit } = predict(1, { server: 'here' });
    exact(metricValue(bytesPerSecond), GB);
    assert.equal(limit, 'server');
  });

  it('is not named for a profile that lacks a primitive', () => {
    const { bytesPerSecond, cpuSecondsPerGb } = predictRestore(without(machine, 'tls-receive-placed'), {
      ...shape,
      decodeThreads: 1,
      server: 'elsewhere',
    });
    assert.ok('unavailable' in bytesPerSecond && 'unavailable' in cpuSecondsPerGb);
  });
});

describe('decode threads worth predicting', () => {
  it('are powers of two up to twice the cores', () => {
    assert.deepEqual(sensibleDecodeThreads(1), [1, 2]);
    assert.deepEqual(sensibleDecodeThreads(2), [1, 2, 4]);
    assert.deepEqual(sensibleDecodeThreads(6), [1, 2, 4, 8]);
  });
});
