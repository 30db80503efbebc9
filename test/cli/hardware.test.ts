import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { parseProfile, writeProfile } from '../../src/hardware/profile-file.ts';
import { GB } from '../../src/model/units.ts';
import { Workbench } from '../e2e/workbench.ts';
import { plantedProfile } from '../hardware/planted-profile.ts';

const bench = await Workbench.open();
after(async () => await bench[Symbol.asyncDispose]());

describe('restorelab hardware', () => {
  it('measures what is asked for, prints a table and keeps the profile in the file', async () => {
    const args = ['hardware', '--quick', '--only', 'sha', '--out', 'deep/here.json'];
    const { exitCode, stdout, stderr } = await bench.command(args);
    assert.equal(exitCode, 0, stderr);
    const lines = stdout.split('\n');
    assert.match(lines[0] ?? '', /too few primitives were measured/u);
    assert.match(stdout, /^primitive +1 thread/mu);
    assert.match(stdout, /^sha-256 +[\d.]+ [MG]B\/s/mu);
    assert.doesNotMatch(stdout, /crc-32/u);
    const file = join(bench.folder, 'deep', 'here.json');
    const profile = parseProfile(await readFile(file, 'utf8'), file);
    assert.equal(profile.method.rounds, 3);
    assert.ok(profile.host.cores > 0);
    // A part is not this machine's profile.
    await assert.rejects(readdir(join(bench.folder, 'state', 'restorelab', 'hardware')));
  });

  it('prints one JSON document that is a profile itself', async () => {
    const { exitCode, stdout } = await bench.command(['hardware', '--quick', '--only', 'event-loop-turn', '--json']);
    assert.equal(exitCode, 0);
    assert.ok(parseProfile(stdout, 'stdout'));
    const { summaries } = JSON.parse(stdout) as { summaries: { name: string; perSecond: { median: number } }[] };
    assert.equal(summaries[0]?.name, 'event-loop-turn');
    assert.ok(summaries[0].perSecond.median > 0);
  });

  it('says before it measures that a profile cannot be written', async () => {
    const file = join(bench.folder, 'there');
    await writeFile(file, '');
    for (const [out, code, words] of [
      [bench.folder, 2, /is a folder/u],
      [join(file, 'x.json'), 5, /a file stands there|not a directory/u],
    ] as const) {
      const { exitCode, stderr } = await bench.command(['hardware', '--quick', '--only', 'crc-32', '--out', out]);
      assert.equal(exitCode, code, stderr);
      assert.match(stderr, words);
      assert.doesNotMatch(stderr, /round \d/u);
    }
  });

  it('suggests names that exist', async () => {
    const only = await bench.command(['hardware', '--only', 'sha-265']);
    assert.equal(only.exitCode, 2);
    assert.match(only.stderr, /there is no primitive sha-265[\s\S]*did you mean sha-256\?/u);
    const without = await bench.command(['hardware', '--without', 'aes,shaa']);
    assert.equal(without.exitCode, 2);
    assert.match(without.stderr, /there is no acceleration shaa[\s\S]*did you mean sha\?/u);
    const nothing = await bench.command(['hardware', '--only', ',']);
    assert.equal(nothing.exitCode, 2);
    const unaffected = await bench.command(['hardware', '--without', 'sha', '--only', 'crc-32']);
    assert.equal(unaffected.exitCode, 2);
    assert.match(unaffected.stderr, /changes none of the chosen primitives/u);
  });
});

describe('restorelab hardware --compare', () => {
  const write = async (name: string, profile = plantedProfile()): Promise<void> =>
    await writeProfile(join(bench.folder, name), profile);

  it('says on its first line how the first machine stands to the second', async () => {
    await write('fast.json', plantedProfile({ 'sha-256': { perCpuSecond: 2 * GB } }));
    await write('slow.json');
    const { exitCode, stdout } = await bench.command(['hardware', '--compare', 'fast.json', 'slow.json']);
    assert.equal(exitCode, 0);
    assert.match(
      stdout,
      /^Per CPU second of one thread the first machine is faster in 1, slower in 0 and not distinguishable in 19/u,
    );
    assert.match(stdout, /^sha-256 +1 +2\.0 x \(2\.0-2\.0\) +faster/mu);
    assert.match(stdout, /^crc-32 +1 +1\.00 x \(1\.00-1\.00\) +not distinguishable/mu);
  });

  it('gives the same to programs', async () => {
    await write('one.json');
    const { stdout } = await bench.command(['hardware', '--compare', 'one.json', 'one.json', '--json']);
    const { measurements } = JSON.parse(stdout) as {
      measurements: { perSecond: { ratio: number; verdict: string } }[];
    };
    assert.ok(measurements.length > 0);
    for (const { perSecond } of measurements) {
      assert.equal(perSecond.ratio, 1);
      assert.equal(perSecond.verdict, 'not-distinguishable');
    }
  });

  it("takes this machine's newest profile where one file is given", async () => {
    await write('there.json');
    const none = await bench.command(['hardware', '--compare', 'there.json']);
    assert.equal(none.exitCode, 2);
    assert.match(none.stderr, /this machine has no hardware profile/u);
    await write('state/restorelab/hardware/2026-01-31T12-00-00Z.json');
    const { exitCode, stdout } = await bench.command(['hardware', '--compare', 'there.json']);
    assert.equal(exitCode, 0);
    assert.match(stdout, /^first .*2026-01-31T12-00-00Z\.json$/mu);
    assert.match(stdout, /^second .*there\.json$/mu);
  });

  it('names a file that is absent, and an option that cannot go with it', async () => {
    const absent = await bench.command(['hardware', '--compare', 'a.json', 'b.json']);
    assert.equal(absent.exitCode, 2);
    assert.match(absent.stderr, /there is no hardware profile .*a\.json/u);
    const mixed = await bench.command(['hardware', '--compare', 'one.json', 'one.json', '--only', 'tls']);
    assert.equal(mixed.exitCode, 2);
    assert.match(mixed.stderr, /--only cannot go with it/u);
  });
});
