import assert from 'node:assert/strict';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { readScenarioFile } from '../../src/scenario/load-scenario.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'restorelab-scenario-'));
});
after(async () => {
  await rm(folder, { recursive: true });
});

test('a file is read with its folder as the place of its paths', async () => {
  const path = join(folder, 'wan.yaml');
  await writeFile(path, 'formatVersion: 1\nname: wan\ntarget: { kind: file, path: out.raw }\n');
  const { cases, file } = await readScenarioFile(path, { shownAs: 'wan.yaml' });
  assert.deepEqual([cases[0].target, file], [{ kind: 'file', path: join(folder, 'out.raw') }, 'wan.yaml']);
});

test('a byte order mark is not part of the first key', async () => {
  const path = join(folder, 'bom.yaml');
  await writeFile(path, '\uFEFFformatVersion: 1\r\nname: bom\r\n');
  assert.equal((await readScenarioFile(path)).name, 'bom');
});

test('a missing file is a ScenarioError that names the nearest one', async () => {
  await writeFile(join(folder, 'quickstart.yaml'), '');
  await assert.rejects(readScenarioFile(join(folder, 'quikstart.yaml'), { shownAs: 'quikstart.yaml' }), {
    name: 'ScenarioError',
    code: 'scenario-not-found',
    exitCode: 2,
    message: 'quikstart.yaml: there is no such file',
    hint: 'did you mean quickstart.yaml?',
  });
  await assert.rejects(readScenarioFile(join(folder, 'quickstart.yaml', 'x.yaml')), { code: 'scenario-not-found' });
});

test('a folder, a device, a binary file and an empty file are refused', async () => {
  await assert.rejects(readScenarioFile(folder, { shownAs: 'here' }), {
    code: 'scenario-is-a-folder',
    message: 'here: this is a folder, not a scenario file',
  });
  await assert.rejects(readScenarioFile('/dev/null'), { code: 'scenario-not-a-file', exitCode: 2 });
  const binary = join(folder, 'binary.yaml');
  await writeFile(binary, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0xff, 0xfe]));
  await assert.rejects(readScenarioFile(binary, { shownAs: 'b' }), {
    code: 'scenario-not-text',
    message: 'b: this is not a text file (UTF-8)',
  });
  await assert.rejects(readScenarioFile(join(folder, 'quickstart.yaml')), { code: 'scenario-empty' });
});

test('a file of 50 MB is refused by its size before it is read', async () => {
  const path = join(folder, 'large.yaml');
  await writeFile(path, '');
  await truncate(path, 50_000_000);
  await assert.rejects(readScenarioFile(path, { shownAs: 'large.yaml' }), {
    code: 'scenario-too-large',
    message: 'large.yaml: the file is too large: 47.7 MiB; a scenario has at most 1 MiB',
  });
});
