import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { exitCodes } from '../../src/model/errors.ts';
import { strategies } from '../../src/strategy/strategies.ts';
import { reportOf, Workbench } from './workbench.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface ExpectedFile {
  readonly 'crypt-mode': string | null;
  readonly original?: { readonly sha256: string } | string;
  readonly chunk_count: number;
  readonly zero_chunk_count: number;
  readonly repeated_nonzero: number;
  readonly unique_chunk_count: number;
}

const { snapshots } = JSON.parse(await readFile(join(root, 'test/fixtures/golden/expected.json'), 'utf8')) as {
  snapshots: Record<string, { files: Record<string, ExpectedFile> }>;
};
const images = Object.entries(snapshots).flatMap(([snapshot, { files }]) =>
  Object.entries(files)
    .filter(([archive, file]) => archive.endsWith('.fidx') && file['crypt-mode'] !== 'encrypt')
    .map(([archive, file]) => ({ snapshot, archive, ...file })),
);

await describe('the datastore that a real PBS wrote', () => {
  test('every unencrypted image is restored by every strategy to its recorded hash', async () => {
    await using bench = await Workbench.open();
    const result = await bench.command(['run', join(root, 'scenarios/golden.yaml'), '--json']);
    assert.equal(result.exitCode, exitCodes.fine, result.stderr);
    assert.match(result.stderr, /signed/u, 'the sign-only snapshot is restored with a warning');
    const { cases, warnings } = reportOf(result);
    assert.ok(warnings.some(({ sentence }) => /signature/u.test(sentence)));
    assert.equal(cases.length, images.length);
    for (const { snapshot, archive, original } of images) {
      const restored = cases.find(({ image }) => image?.snapshot === snapshot && image.archive === archive);
      assert.equal(restored?.image?.sha256, typeof original === 'string' ? original : original?.sha256);
      assert.equal(restored?.strategies.length, Object.keys(strategies).length);
      for (const { trials } of restored?.strategies ?? []) {
        assert.ok(trials.length > 0);
        for (const trial of trials) assert.equal(trial.verified, true, JSON.stringify(trial));
      }
    }
  });

  test('inspect without a snapshot lists them', async () => {
    await using bench = await Workbench.open();
    const { exitCode, stdout } = await bench.command(['inspect', join(root, 'test/fixtures/golden/store')]);
    assert.equal(exitCode, exitCodes.fine);
    for (const snapshot of Object.keys(snapshots)) assert.ok(stdout.includes(snapshot), snapshot);
  });

  test('inspect prints the recorded counts', async () => {
    await using bench = await Workbench.open();
    for (const { snapshot, archive, ...expected } of images) {
      const { exitCode, stdout, stderr } = await bench.command([
        'inspect',
        join(root, 'test/fixtures/golden/store'),
        snapshot,
      ]);
      assert.equal(exitCode, exitCodes.fine, stderr);
      const text = stdout.slice(stdout.indexOf(`${snapshot} ${archive}`));
      for (const name of ['chunk_count', 'zero_chunk_count', 'repeated_nonzero', 'unique_chunk_count'] as const) {
        assert.equal(
          Number(new RegExp(`^ +${name} +(\\d+)`, 'mu').exec(text)?.[1]),
          expected[name],
          `${snapshot} ${archive} ${name}`,
        );
      }
    }
  });
});
