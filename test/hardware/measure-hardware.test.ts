import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import { measureHardware, type MeasureOptions } from '../../src/hardware/measure-hardware.ts';
import { primitiveNames } from '../../src/hardware/primitive-names.ts';
import { primitives } from '../../src/hardware/primitives.ts';
import { InterruptedError, MachineError } from '../../src/model/errors.ts';

const place = await mkdtemp(join(tmpdir(), 'restorelab-hardware-'));
after(async () => await rm(place, { recursive: true, force: true }));

/** Rounds as short as they get. */
const shortest: MeasureOptions = {
  names: new Set(primitiveNames),
  rounds: 1,
  budgetMs: 0,
  maxRoundMs: 20,
  cores: 2,
  folder: join(place, 'files'),
  certificateFolder: join(place, 'certificate'),
  env: process.env,
  clock: monotonicClock(),
  signal: new AbortController().signal,
  onProgress: () => {},
};

describe('measuring the hardware', () => {
  it('runs every primitive on one thread and on all, and leaves no file', async () => {
    const { measurements, method } = await measureHardware(shortest);
    assert.deepEqual(
      measurements.map(({ name, threads }) => `${name} ${threads}`),
      primitiveNames.flatMap((name) => [`${name} 1`, `${name} 2`]),
    );
    assert.deepEqual(method.threads, [1, 2]);
    for (const one of measurements) {
      assert.ok('samples' in one, `${one.name}: ${JSON.stringify(one)}`);
      const [sample] = one.samples;
      const primitive = primitives[one.name as keyof typeof primitives];
      assert.ok(sample !== undefined && sample.units > 0 && sample.durationMs > 0, one.name);
      assert.equal(sample.units % primitive.unitsPerCall, 0, one.name);
      assert.ok(sample.units >= one.threads * primitive.unitsPerCall, one.name);
      // The kernel counts in whole ticks at worst.
      assert.ok(sample.cpuMs > 0 && sample.cpuMs < (one.threads + 2) * (sample.durationMs + 20), one.name);
    }
    assert.deepEqual(await readdir(shortest.folder), []);
  });

  it('measures the same primitives with and without acceleration, and no others twice', async () => {
    const { measurements, acceleration } = await measureHardware({
      ...shortest,
      names: new Set(['sha-256', 'crc-32'] as const),
      cores: 1,
      rounds: 2,
      without: { names: ['sha'], variable: { name: 'OPENSSL_ia32cap', value: ':~0x20000000' } },
    });
    assert.deepEqual(
      measurements.map(({ name }) => name),
      ['sha-256', 'crc-32'],
    );
    assert.equal(acceleration?.environment, 'OPENSSL_ia32cap=:~0x20000000');
    assert.deepEqual(
      acceleration.measurements.map((one) => [one.name, 'samples' in one ? one.samples.length : one.unavailable]),
      [['sha-256', 2]],
    );
  });

  it('reports a primitive that fails with the reason, and goes on with the others', async () => {
    const { measurements } = await measureHardware({
      ...shortest,
      names: new Set(['file-write', 'crc-32'] as const),
      cores: 1,
      // Exists, but takes no files.
      folder: '/proc',
    });
    const [write, crc] = measurements;
    assert.match(write !== undefined && 'unavailable' in write ? write.unavailable : '', /failed .*\/proc/u);
    assert.ok(crc !== undefined && 'samples' in crc);
  });

  it('says so when there can be no folder for file writes', async () => {
    const file = join(place, 'file');
    await writeFile(file, '');
    await assert.rejects(measureHardware({ ...shortest, folder: join(file, 'below') }), MachineError);
  });

  it('ends with the reason when it is interrupted between two rounds', async () => {
    const controller = new AbortController();
    const seen: string[] = [];
    const measuring = measureHardware({
      ...shortest,
      names: new Set(['crc-32', 'sha-256'] as const),
      signal: controller.signal,
      onProgress: (_done, _total, name) => {
        seen.push(name);
        controller.abort(new InterruptedError('SIGINT'));
      },
    });
    await assert.rejects(measuring, InterruptedError);
    assert.equal(seen.length, 1);
  });
});
