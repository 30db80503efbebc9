import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { compareMeasurements } from '../../src/hardware/compare-profiles.ts';
import type { Measurement } from '../../src/hardware/profile.ts';
import { GB } from '../../src/model/units.ts';
import { plantedProfile } from './planted-profile.ts';

/** Rounds of 100 ms with these rates in GB/s, all of it CPU time. */
const measured = (rates: readonly number[], threads = 1): Measurement => ({
  name: 'sha-256',
  threads,
  unit: 'bytes',
  samples: rates.map((rate) => ({ durationMs: 100, units: rate * 1e8, cpuMs: 100 })),
});

describe('the comparison of two hardware profiles', () => {
  it('finds nothing between a profile and itself', () => {
    const noisy = [measured([1, 1.1, 0.9, 1.05, 0.95]), measured([2, 2.1, 1.9], 4)];
    for (const { perSecond, perCpuSecond } of compareMeasurements(noisy, noisy)) {
      assert.equal(perSecond.ratio, 1);
      assert.equal(perSecond.verdict, 'not-distinguishable');
      assert.equal(perCpuSecond?.ratio, 1);
      assert.equal(perCpuSecond.verdict, 'not-distinguishable');
    }
    const { measurements } = plantedProfile();
    assert.equal(compareMeasurements(measurements, measurements).length, measurements.length);
  });

  it('mirrors: the second against the first is the reciprocal', () => {
    const a = [measured([1, 1.1, 0.9, 1.2])];
    const b = [measured([1.6, 1.5, 1.8])];
    const [forth] = compareMeasurements(a, b);
    const [back] = compareMeasurements(b, a);
    assert.ok(forth?.perSecond.interval !== undefined && back?.perSecond.interval !== undefined);
    const isClose = (one: number, other: number): boolean => Math.abs(one / other - 1) < 1e-12;
    assert.ok(isClose(forth.perSecond.ratio, 1 / back.perSecond.ratio));
    assert.ok(isClose(forth.perSecond.interval[0], 1 / back.perSecond.interval[1]));
    assert.ok(isClose(forth.perSecond.interval[1], 1 / back.perSecond.interval[0]));
    assert.equal(forth.perSecond.verdict, 'slower');
    assert.equal(back.perSecond.verdict, 'faster');
  });

  it('names another processor by the primitive that differs, and none that do not', () => {
    const slow = plantedProfile({ 'sha-256': { perCpuSecond: 0.25 * GB } });
    const compared = compareMeasurements(plantedProfile().measurements, slow.measurements);
    const different = compared.filter(({ perSecond }) => perSecond.verdict !== 'not-distinguishable');
    assert.deepEqual(
      different.map(({ name, perSecond }) => [name, Math.round(perSecond.ratio * 1e6) / 1e6, perSecond.verdict]),
      [
        ['sha-256', 4, 'faster'],
        ['sha-256', 4, 'faster'],
      ],
    );
  });

  it('does not tell apart what scatters more than it differs', () => {
    const [compared] = compareMeasurements([measured([1, 2, 0.5])], [measured([1.1, 2.4, 0.5])]);
    assert.equal(compared?.perSecond.verdict, 'not-distinguishable');
  });

  it('compares all cores of one machine with all cores of the other', () => {
    const compared = compareMeasurements(
      plantedProfile({}, { cores: 4 }).measurements,
      plantedProfile({}, { cores: 16 }).measurements,
    );
    assert.deepEqual(compared[1]?.threads, { of: 4, to: 16 });
  });

  it('gives a ratio but no verdict for fewer than three rounds', () => {
    const [compared] = compareMeasurements([measured([1, 1])], [measured([2, 2, 2])]);
    assert.ok(compared !== undefined && Math.abs(compared.perSecond.ratio - 0.5) < 1e-12);
    assert.equal(compared.perSecond.interval, undefined);
    assert.equal(compared.perSecond.verdict, 'inconclusive');
  });

  it('leaves out what only one of them has, and what could not be measured', () => {
    const failed: Measurement = { name: 'sha-256', threads: 1, unit: 'bytes', unavailable: 'failed' };
    assert.deepEqual(compareMeasurements([measured([1, 1, 1])], [failed]), []);
    assert.deepEqual(compareMeasurements([measured([1, 1, 1])], [{ ...measured([1, 1, 1]), name: 'crc-32' }]), []);
  });
});
