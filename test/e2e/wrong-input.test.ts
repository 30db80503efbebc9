import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { exitCodes } from '../../src/model/errors.ts';
import { Workbench } from './workbench.ts';

/** Lines of a scenario, where the message must point, and what it must say. */
const wrongScenarios: readonly (readonly [what: string, lines: readonly string[], place: string, ...says: RegExp[]])[] =
  [
    ['a misspelt key', ['link: { roundTirp: 5 ms }'], ':4:', /roundTirp/u, /roundTrip/u],
    ['a wrong unit', ['link: { roundTrip: 10 mss }'], ':4:', /10 mss/u, /ms/u],
    ['a number without unit', ['link: { roundTrip: 10 }'], ':4:', /unit/u, /ms/u],
    ['a negative size', ['image: { size: -1 GiB }'], ':3:', /-1 GiB/u],
    ['a zero share over 100 %', ['image: { zeroShare: 120 % }'], ':3:', /100 %/u],
    ['zeros and repeats over 100 %', ['image: { zeroShare: 60 %, repeatedShare: 60 % }'], ':3:', /100 %/u],
    ['an unknown strategy', ['strategies: [ { name: sequentail } ]'], ':4:', /sequentail/u, /sequential/u],
    [
      'an objective with an unknown metric',
      ['objectives: [ "sequential.throughputt.data >= 1 MB/s" ]'],
      ':4:',
      /throughputt/u,
      /throughput/u,
    ],
    ['a throughput without its rate', ['objectives: [ "sequential.throughput >= 1 MB/s" ]'], ':4:', /logical|data/u],
    ['units that do not compare', ['objectives: [ "sequential.throughput.data >= 10 ms" ]'], ':4:', /ms/u],
    ['a knob that is fixed', ['strategies: [ { name: sequential, inFlight: 8 } ]'], ':4:', /inFlight/u],
    [
      'a key that is not built yet',
      ['target: { kind: block }'],
      ':',
      /a block device as target \(`kind: block`\) is not built yet/u,
    ],
  ];

await describe('a scenario with a mistake is refused before anything runs, with place and remedy', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  for (const [what, lines, place, ...says] of wrongScenarios) {
    test(what, async () => {
      const file = await bench.scenario('wrong', lines);
      const { exitCode, stderr, stdout } = await bench.command(['run', file, '--out', 'reports']);
      assert.equal(exitCode, exitCodes.usage, stderr);
      assert.ok(stderr.includes(`wrong.yaml${place}`), stderr);
      assert.match(stderr, /\^/u, 'the place is marked below the line');
      for (const expression of says) assert.match(stderr, expression);
      assert.equal(stdout, '');
      const { exitCode: validated } = await bench.command(['scenario', 'validate', file]);
      assert.equal(validated, exitCodes.usage);
    });
  }

  const wrongFiles: readonly (readonly [what: string, content: string | undefined, says: RegExp])[] = [
    ['missing', undefined, /wrong-file\.yaml/u],
    ['empty', '', /empty/u],
    ['not YAML', '\t{ [ : - }\n: :', /wrong-file\.yaml:\d+:\d+/u],
    ['50 MB large', `# ${'x'.repeat(50_000_000)}`, /large|size|MiB/u],
    ['with anchors that expand without bound', aliasBomb(), /alias/iu],
  ];
  for (const [what, content, says] of wrongFiles) {
    test(`a file that is ${what}`, async () => {
      const file = join(bench.folder, 'wrong-file.yaml');
      await (content === undefined ? Promise.resolve() : writeFile(file, content));
      const { exitCode, stderr } = await bench.command(['run', content === undefined ? 'no/wrong-file.yaml' : file]);
      assert.equal(exitCode, exitCodes.usage, stderr.slice(0, 2000));
      assert.match(stderr, says);
    });
  }

  test('a datastore without snapshots, and a folder that is none', async () => {
    await mkdir(join(bench.folder, 'empty-store', '.chunks'), { recursive: true });
    for (const folder of ['empty-store', 'no-store']) {
      const file = await bench.scenario('store', [
        `server: { kind: embedded, datastore: ${folder}, snapshot: vm/100/2026-01-01T00:00:00Z, archive: drive-scsi0.img }`,
      ]);
      const run = await bench.command(['run', file]);
      assert.equal(run.exitCode, exitCodes.usage, run.stderr);
      assert.ok(run.stderr.includes(folder), run.stderr);
      for (const early of [
        ['run', file, '--dry-run'],
        ['scenario', 'validate', file],
      ]) {
        const { exitCode, stderr } = await bench.command(early);
        assert.equal(exitCode, exitCodes.usage, stderr);
      }
      const inspect = await bench.command(['inspect', folder, 'vm/100/2026-01-01T00:00:00Z']);
      assert.equal(inspect.exitCode, exitCodes.usage, inspect.stderr);
    }
  });
});

await describe('a wrong command line is refused with the nearest right name', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  const wrongArguments: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [[], /a command is missing/u],
    [['rnu', 'x.yaml'], /did you mean run/u],
    [['run', 'quickstart', '--repeat', '3'], /--repeats/u],
    [['run', 'quickstart', '--repeats', 'abc'], /--repeats: "abc" is not a number/u],
    [['run', 'quickstart', '--repeats=1.5'], /--repeats: must be a whole number/u],
    [['restore', 'vm/1', 'a.img', 'x.img', '--in-flight', 'many'], /--in-flight: "many" is not a number/u],
    [['restore', 'vm/1', 'a.img', 'x.img'], /the time of the snapshot is missing\nhint: .*vm\/1\/2/u],
    [['restore', 'vm/1'], /ARCHIVE and TARGET are missing/u],
    [['run', 'quickstart', '--only', 'nothing'], /has no strategy `nothing`\nhint: it has .*`sequential`/u],
    [['run', 'quickstart', '--only', 'sequentail'], /did you mean `sequential`\?/u],
    [['run', 'quikstart'], /no such file[\s\S]*hint: did you mean quickstart\?/u],
    [['scenario', 'show', 'slow-dsk.yaml'], /did you mean slow-disk\?/u],
    [['scenario', 'lst'], /list/u],
    [['cache', 'clean'], /did you mean clear/u],
    [['inspect'], /[A-Z]+ (?:is|are) missing/u],
    [['serve'], /--datastore or --scenario is missing/u],
    [['report', 'nowhere'], /not a run directory/u],
  ];
  for (const [args, says] of wrongArguments) {
    test(args.join(' ') || 'no arguments', async () => {
      const { exitCode, stderr } = await bench.command(args);
      assert.equal(exitCode, exitCodes.usage, stderr);
      assert.match(stderr, says);
    });
  }
});

test('a folder with the name of a shipped scenario does not hide it; another folder is said to be one', async () => {
  await using bench = await Workbench.open();
  await mkdir(join(bench.folder, 'quickstart'));
  await mkdir(join(bench.folder, 'mine'));
  const found = await bench.command(['scenario', 'validate', 'quickstart']);
  assert.equal(found.exitCode, exitCodes.fine, found.stderr);
  const folder = await bench.command(['scenario', 'validate', 'mine']);
  assert.equal(folder.exitCode, exitCodes.usage);
  assert.match(folder.stderr, /this is a folder/u);
});

function aliasBomb(): string {
  const lines = ['formatVersion: 1', 'a: &a [x, x, x, x, x, x, x, x, x]'];
  for (let level = 98; level < 98 + 9; level += 1) {
    const [name, before] = [String.fromCodePoint(level), String.fromCodePoint(level - 1)];
    lines.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]`);
  }
  return lines.join('\n');
}
