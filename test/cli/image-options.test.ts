import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { givenImageOption, readImageOptions } from '../../src/cli/image-options.ts';
import { GiB, MiB } from '../../src/model/units.ts';

const cwd = mkdtempSync(join(tmpdir(), 'restorelab-image-'));
after(() => rmSync(cwd, { recursive: true, force: true }));

const scenario = (name: string, more: string): string => {
  const text = `formatVersion: 1\nname: ${name}\nstrategies: [{ name: sequential }]\n${more}`;
  writeFileSync(join(cwd, `${name}.yaml`), text);
  return `${name}.yaml`;
};

test('options have the meaning and the defaults of the fields of a scenario', async () => {
  assert.deepEqual(await readImageOptions({}, { cwd }), {
    image: { sizeBytes: 512 * MiB, zeroShare: 0.1, repeatedShare: 0, compressionRatio: 1.5, seed: 'restorelab' },
    history: { depth: 1, changeRate: 0.05 },
  });
  const given = {
    size: '4GiB',
    'zero-share': '25%',
    'repeated-share': '5 %',
    'compression-ratio': 2.5,
    seed: 'mine',
    history: 7,
    'change-rate': '1 %',
  };
  assert.deepEqual(await readImageOptions(given, { cwd }), {
    image: { sizeBytes: 4 * GiB, zeroShare: 0.25, repeatedShare: 0.05, compressionRatio: 2.5, seed: 'mine' },
    history: { depth: 7, changeRate: 0.01 },
  });
});

test('a scenario gives its image and history', async () => {
  const file = scenario('one', 'image: { size: 64 MiB, seed: theirs }\nhistory: { depth: 3 }');
  const { image, history } = await readImageOptions({ scenario: file }, { cwd });
  assert.deepEqual([image.sizeBytes, image.seed, history.depth], [64 * MiB, 'theirs', 3]);
});

test('a matrix is fine as long as the image is one', async () => {
  const links = scenario('links', 'image: { size: 64 MiB }\nmatrix: { link.roundTrip: [0 ms, 10 ms] }');
  assert.equal((await readImageOptions({ scenario: links }, { cwd })).image.sizeBytes, 64 * MiB);
  const sizes = scenario('sizes', 'matrix: { image.size: [64 MiB, 128 MiB] }');
  await assert.rejects(readImageOptions({ scenario: sizes }, { cwd }), { code: 'several-images', exitCode: 2 });
});

test('a wrong value names its option and what is allowed', async () => {
  const cases = [
    [{ size: '4' }, /^--size: /u],
    [{ size: '2 TiB' }, /^--size: /u],
    [{ 'zero-share': '110 %' }, /^--zero-share: /u],
    [{ 'zero-share': '60 %', 'repeated-share': '60 %' }, /^--repeated-share: /u],
    [{ 'compression-ratio': 0.5 }, /^--compression-ratio: /u],
    [{ history: 1.5 }, /^--history: /u],
    [{ 'change-rate': 'much' }, /^--change-rate: /u],
    [{ scenario: 'x.yaml', size: '4 GiB' }, /^--scenario and --size/u],
  ] as const;
  for (const [argv, message] of cases)
    await assert.rejects(readImageOptions(argv, { cwd }), (error: Error & { exitCode?: number; hint?: string }) => {
      assert.match(error.message, message);
      assert.equal(error.exitCode, 2);
      assert.ok((error.hint ?? '').length > 0);
      assert.doesNotMatch(`${error.message} ${error.hint}`, /`/u);
      return true;
    });
});

test('any given option is found', () => {
  assert.equal(givenImageOption({}), undefined);
  assert.equal(givenImageOption({ history: 0 }), 'history');
});
