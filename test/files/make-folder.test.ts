import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { makeFolder } from '../../src/files/make-folder.ts';
import { MachineError } from '../../src/model/errors.ts';

describe('makeFolder', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'restorelab-files-'));
  });
  after(async () => await rm(folder, { recursive: true, force: true }));

  it('makes what is missing, with the mode that was asked for, and takes what is there', async () => {
    const path = join(folder, 'a', 'b', 'c');
    await Promise.all([makeFolder(path, { doing: 'testing', mode: 0o700 }), makeFolder(path, { doing: 'testing' })]);
    await makeFolder(path, { doing: 'testing', mode: 0o755 });
    assert.ok((await stat(path)).isDirectory());
    const own = join(folder, 'own', 'inner');
    await makeFolder(own, { doing: 'testing', mode: 0o700 });
    for (const made of [own, join(folder, 'own')]) assert.equal((await stat(made)).mode & 0o777, 0o700);
  });

  it('says what stands in the way', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await assert.rejects(makeFolder(file, { doing: 'testing', hint: 'another one' }), {
      message: 'testing: a file stands there',
      hint: 'another one',
    });
    await assert.rejects(makeFolder(join(file, 'below'), { doing: 'testing' }), MachineError);
  });

  it(
    'returns where the system knows no name in a folder that is there',
    { timeout: 10_000, skip: process.platform === 'linux' ? false : 'no /proc' },
    async () => {
      await assert.rejects(makeFolder('/proc/restorelab/reports', { doing: 'testing' }), (error: unknown) => {
        assert.ok(error instanceof MachineError);
        assert.match(error.message, /^testing: ENOENT/u);
        return true;
      });
    },
  );
});
