import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { makeDatastoreOfEmptyFolder } from '../../../src/pbs/datastore/make-datastore-of-empty-folder.ts';
import { openDatastore } from '../../../src/pbs/datastore/open-datastore.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'empty-folder-'));
});
after(async () => await rm(folder, { recursive: true }));

test('an empty folder becomes a datastore, once', async () => {
  const path = join(folder, 'empty');
  await mkdir(path);
  assert.equal(await makeDatastoreOfEmptyFolder(path), true);
  await openDatastore(path);
  assert.equal(await makeDatastoreOfEmptyFolder(path), false);
});

test('a folder with anything in it, a file and what is not there are left alone', async () => {
  const full = join(folder, 'full');
  await mkdir(full);
  const file = join(full, 'letter.txt');
  await writeFile(file, 'not a backup');
  for (const path of [full, file, join(folder, 'nowhere')])
    assert.equal(await makeDatastoreOfEmptyFolder(path), false, path);
  assert.deepEqual([await readdir(full), await readdir(folder)].flat().toSorted(), ['empty', 'full', 'letter.txt']);
});
