import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, describe, test } from 'node:test';

import { findProgram } from '../../src/profile/installed-program.ts';
import { profileToolNames, profileTools } from '../../src/profile/profile-tools.ts';

const read = async (file: string): Promise<string> => await readFile(new URL(`../../${file}`, import.meta.url), 'utf8');

await describe('the optional programs', async () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'restorelab-installed-'));
  });
  after(async () => await rm(folder, { recursive: true, force: true }));

  test('are found where they are installed, in the version that is known', async () => {
    for (const name of profileToolNames) {
      const tool = profileTools[name];
      if (tool.kind !== 'program') continue;
      const { script, version } = findProgram(tool);
      assert.ok((await stat(script)).isFile());
      assert.equal(Number(version.split('.')[0]), tool.major);
    }
  });

  test('are asked for with the line that installs them where they are not there', async () => {
    const from = pathToFileURL(join(folder, 'importer.js'));
    const wanted = { packageName: 'clinic', major: 13 };
    assert.throws(() => findProgram(wanted, from), {
      name: 'MachineError',
      code: 'profiler-not-installed',
      exitCode: 5,
      hint: /npm install --no-save clinic@13/u,
    });
    const other = join(folder, 'node_modules', 'clinic');
    await mkdir(other, { recursive: true });
    await writeFile(join(other, 'package.json'), JSON.stringify({ version: '9.1.0', bin: { clinic: 'bin.js' } }));
    assert.throws(() => findProgram(wanted, from), {
      code: 'profiler-version',
      message: /clinic 9\.1\.0 is installed/u,
    });
  });

  test('come without install scripts and registry hosts, and not with what a user installs', async () => {
    const { packages } = JSON.parse(await read('package-lock.json')) as {
      packages: Record<string, { resolved?: string; hasInstallScript?: boolean; dev?: boolean; link?: boolean }>;
    };
    const entries = Object.entries(packages);
    assert.deepEqual(
      entries.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path),
      [],
    );
    assert.deepEqual(
      entries.filter(([, { resolved, link }]) => resolved !== undefined && link !== true).map(([path]) => path),
      [],
    );
    for (const name of ['clinic', '0x']) assert.equal(packages[`node_modules/${name}`]?.dev, true, name);
    const installed = entries.filter(([, { dev }]) => dev !== true);
    assert.ok(installed.length < 50, `${installed.length} packages come with restorelab itself`);
  });

  test('are described by the documentation as by the program', async () => {
    const page = await read('docs/profiling.md');
    for (const name of profileToolNames) assert.ok(page.includes(`| \`${name}\` |`), name);
  });
});
