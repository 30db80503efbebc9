import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { fillArguments } from '../../src/external/arguments.ts';
import { placeholderValues } from '../../src/external/restore-address.ts';
import type { ExternalSettings } from '../../src/model/external.ts';
import { ScenarioError } from '../../src/model/errors.ts';
import { Secret } from '../../src/model/secret.ts';
import { GiB } from '../../src/model/units.ts';
import { loadScenario } from '../../src/scenario/load-scenario.ts';

function load(strategy: string): ExternalSettings {
  const text = `formatVersion: 1\nname: a\nstrategies: [ { name: external, ${strategy} } ]\n`;
  const { external } = loadScenario(text, { file: 'a.yaml', folder: '/scenarios' }).cases[0].strategies[0] ?? {};
  assert.ok(external !== undefined);
  return external;
}

const address = {
  authId: 'bk@pbs!ci',
  host: 'fd00::1',
  port: 8008,
  datastore: 'tank',
  namespace: 'a/b',
  snapshot: 'vm/100/2026-02-16T16:30:44Z',
  archive: 'drive-scsi0.img.fidx',
  password: new Secret('hidden'),
  keyFile: '/keys/a.json',
};

await describe('an external strategy in a scenario', async () => {
  test('names its program relative to the file, and its output', () => {
    const { command, output, folder } = load(
      'command: [./mine.sh, -j, 4, [--key, "{keyFile}"], "{{awk}}"], output: ../out.img, allocate: true',
    );
    assert.deepEqual(command, ['/scenarios/mine.sh', '-j', '4', ['--key', '{keyFile}'], '{{awk}}']);
    assert.deepEqual(output, { kind: 'file', path: '/out.img', allocate: true });
    assert.equal(folder, '/scenarios');
  });

  test('by a preset fills in namespace, key and a null device that is large enough', () => {
    const { command } = load('preset: pbs-restore, arguments: [--skip-zero]');
    const argv = (sizeBytes: number, changes: Partial<typeof address> = {}): readonly string[] =>
      fillArguments(command, placeholderValues({ ...address, ...changes }, { target: '', sizeBytes }));
    assert.deepEqual(argv(GiB), [
      'pbs-restore',
      '--repository',
      'bk@pbs!ci@[fd00::1]:8008:tank',
      '--ns',
      'a/b',
      'vm/100/2026-02-16T16:30:44Z',
      'drive-scsi0.img.fidx',
      'null-co://',
      '--verbose',
      '--format',
      'raw',
      '--keyfile',
      '/keys/a.json',
      '--skip-zero',
    ]);
    assert.ok(argv(4 * GiB).includes('json:{"driver":"raw","file":{"driver":"null-co","size":4294967296}}'));
    assert.deepEqual(
      argv(GiB, { namespace: '', keyFile: '' }).filter((word) => word.startsWith('--')),
      ['--repository', '--verbose', '--format', '--skip-zero'],
    );
  });

  test('keeps doubled braces as single ones', () => {
    const values = placeholderValues(address, { target: '/t', sizeBytes: 1 });
    assert.deepEqual(fillArguments(['{{print}} {image}', '{target}{{'], values), ['{print} drive-scsi0.img', '/t{']);
  });

  for (const [what, strategy, words] of [
    ['without a command', 'label: a', /needs either a `preset` or a `command`/u],
    ['with both', 'preset: qmrestore, command: [a]', /needs either/u],
    ['without an output', 'command: [a]', /`output` is missing/u],
    ['with a placeholder that is none', 'command: [a, "{snapshoot}"], output: none', /did you mean `\{snapshot\}`/u],
    ['with a target that is nowhere', 'command: [a, "{target}"], output: none', /stands for nothing/u],
    ['with a knob of another strategy', 'preset: pbs-restore, inFlight: 4', /means nothing to another program/u],
    ['with a secret', 'preset: pbs-restore, env: { PBS_PASSWORD: a }', /looks like a secret/u],
    ['with a token', 'preset: pbs-restore, env: { my_token: a }', /looks like a secret/u],
    ['with a name that no variable has', 'preset: pbs-restore, env: { "a b": c }', /not the name of a variable/u],
    ['with an output that the program has not', 'preset: pbs-restore, output: stdout', /no output of this kind/u],
    ['with half of what qmrestore needs', 'preset: qmrestore, vmid: 100', /`pbsStorage` is missing/u],
    ['with a number that is no machine', 'preset: qmrestore, vmid: 1, pbsStorage: a', /out of range/u],
    ['with keys of a preset', 'command: [a], output: none, program: b', /belongs to a `preset`/u],
    ['with nothing to allocate', 'command: [a], output: stdout, allocate: true', /only a file can be allocated/u],
  ] as const) {
    test(`is refused ${what}`, () => {
      assert.throws(
        () => load(strategy),
        (error) => error instanceof ScenarioError && words.test(error.message),
      );
    });
  }

  test('has keys that no other strategy has', () => {
    const text = 'formatVersion: 1\nname: a\nstrategies: [ { name: sequential, preset: pbs-restore } ]\n';
    assert.throws(() => loadScenario(text, { file: 'a.yaml', folder: '/' }), /belongs to `name: external`/u);
  });
});
