import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { compareMeasurements } from '../../src/hardware/compare-profiles.ts';
import { describeComparison } from '../../src/cli/describe-hardware-comparison.ts';
import { describeHardware } from '../../src/cli/describe-hardware.ts';
import type { HardwareProfile } from '../../src/hardware/profile.ts';
import { GB, MB } from '../../src/model/units.ts';
import { displayWidth } from '../../src/ui/display-width.ts';
import { styleFor } from '../../src/ui/style.ts';
import { plantedProfile, samplesOf, without } from '../hardware/planted-profile.ts';

const style = styleFor({}, { NO_COLOR: '1' });

const profile = plantedProfile({
  'tls-receive-placed': { perCpuSecond: 1.25 * GB, perSecond: 900 * MB },
  'http2-framing': { perCpuSecond: 500 * GB },
  'sha-256': { perCpuSecond: 2 * GB },
  'sha-256 n': { perCpuSecond: 2 * GB, perSecond: 8 * GB },
  'zstd-decompress-2': { perCpuSecond: 2 * GB },
  'event-loop-turn': { perCpuSecond: 300_000 },
  'thread-round-trip': { perCpuSecond: 20_000, perSecond: 25_000 },
});

const withoutSha: HardwareProfile = {
  ...profile,
  acceleration: {
    without: ['sha'],
    environment: 'OPENSSL_ia32cap=:~0x20000000',
    measurements: [{ name: 'sha-256', threads: 1, unit: 'bytes', samples: samplesOf({ perCpuSecond: 0.5 * GB }) }],
  },
};

describe('the text of a hardware profile', () => {
  const text = describeHardware(withoutSha, { style });
  const lines = text.split('\n');

  it('says on its first line what a restore can reach and what limits it', () => {
    assert.equal(
      lines[0],
      'A restore on this machine can reach 1.23 GB/s (limit: main thread) with uncompressed chunks and 2.42 GB/s (limit: main thread) with 2:1 ones (Planted CPU, 4 cores).',
    );
  });

  it('has rate, interval, scaling, CPU time and the value of PBS of each primitive', () => {
    const row = (name: string): string | undefined => lines.find((line) => line.startsWith(`${name} `));
    assert.match(
      row('sha-256') ?? '',
      /^sha-256 +2\.00 GB\/s \(2\.00-2\.00\) +8\.00 GB\/s \(8\.00-8\.00\) +2\.00 +2022 MB\/s +4\.0 x/u,
    );
    assert.match(row('tls-receive-placed') ?? '', /900 MB\/s \(900-900\) .* 1\.25 /u);
    assert.match(row('http2-framing') ?? '', /500 GB\/s \(500-500\) .* 500 /u);
    assert.match(row('thread-round-trip') ?? '', /25\.0 k\/s \(25\.0-25\.0\)/u);
  });

  it('shows what an instruction is worth', () => {
    assert.match(text, /^What sha instructions are worth, one thread \(OPENSSL_ia32cap=:~0x20000000\):$/mu);
    assert.match(text, /^sha-256 +2\.00 +0\.50 +4\.0 x \(4\.0-4\.0\)$/mu);
  });

  it('names the limit for each number of decode threads', () => {
    // TLS 0.8, frames 0.002 and messages 0.012 CPU s/GB on the main thread; half of the former two at 2:1.
    assert.match(text, /^ +1 +1\.23 GB\/s +main thread +988 MB\/s +decode threads$/mu);
    assert.match(text, /^ +2 +1\.23 GB\/s +main thread +1\.98 GB\/s +decode threads$/mu);
    assert.match(text, /^ +8 +1\.23 GB\/s +main thread +2\.42 GB\/s +main thread$/mu);
  });

  it('claims no rate beside an embedded server that shares the cores', () => {
    assert.match(text.replaceAll(/\s+/gu, ' '), /no rate is predicted: the server shares the 4 cores/u);
    const large = describeHardware(plantedProfile({}, { cores: 32 }), { style });
    assert.doesNotMatch(large, /no rate is predicted/u);
  });

  it('keeps within the columns of the terminal, with the values of PBS at 80', () => {
    for (const width of [80, 120]) {
      const narrow = describeHardware(withoutSha, { style, width });
      for (const line of narrow.split('\n')) assert.ok(displayWidth(line) <= width, line);
      assert.match(narrow, /^sha-256 .* 2022 MB\/s/mu);
    }
  });

  it('warns where other load took the cores', () => {
    assert.doesNotMatch(text, /busy-machine/u);
    const half = { perCpuSecond: 2 * GB, perSecond: GB };
    const busy = plantedProfile({ 'sha-256': half, 'crc-32': half, 'zstd-decompress-2': half, 'chunk-verify': half });
    assert.match(describeHardware(busy, { style }), /^warning busy-machine: .* a core for 50 % of its time/mu);
  });

  it('says what could not be measured, and makes no prediction without it', () => {
    const lacking: HardwareProfile = {
      ...without(profile, 'sha-256'),
      measurements: [
        ...without(profile, 'sha-256').measurements,
        { name: 'sha-256', threads: 1, unit: 'bytes', unavailable: 'failed after 3 ms: no such digest' },
      ],
    };
    const found = describeHardware(lacking, { style });
    assert.match(found, /^Planted CPU, 4 cores: too few primitives were measured/u);
    assert.match(found, /unknown: sha-256 on 1 thread: failed after 3 ms: no such digest/u);
    assert.doesNotMatch(found, /decode threads/u);
  });
});

describe('the text of a comparison', () => {
  it('keeps within the columns of the terminal but for the names of files', () => {
    const compared = compareMeasurements(profile.measurements, plantedProfile().measurements);
    const side = { file: 'a.json', profile };
    for (const width of [80, 120]) {
      const text = describeComparison(side, side, compared, { style, width });
      for (const line of text.split('\n')) assert.ok(displayWidth(line) <= width, line);
    }
  });

  it('says so where the two have nothing in common', () => {
    const side = { file: 'a.json', profile };
    assert.match(describeComparison(side, side, [], { style }), /^The two profiles have no measurement in common/u);
  });
});
