import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { dropPageCache } from '../../src/harness/drop-page-cache.ts';
import { readBetween, readFromStorage } from '../../src/metrics/storage-reads.ts';

const never = new AbortController().signal;

describe('dropping the page cache of files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'restorelab-cache-'));
  const files = ['a', 'b b', '{}', "it's"].map((name) => join(folder, name));
  for (const file of files) writeFileSync(file, Buffer.alloc(1024 * 1024, file));
  after(() => rmSync(folder, { recursive: true }));

  test('leaves their bytes as they are, whatever their names, and what is read afterwards tells whether it worked', async () => {
    assert.deepEqual(await dropPageCache(files, never), { files: 4 });
    const before = readFromStorage(process.pid);
    for (const file of files) assert.ok(readFileSync(file).equals(Buffer.alloc(1024 * 1024, file)));
    const read = readBetween([before], [readFromStorage(process.pid)]);
    // A file system in memory has nothing to read from; one on a disk reads all of it.
    if ('value' in read && read.value > 0) assert.ok(read.value >= 4 * 1024 * 1024, String(read.value));
  });

  test('has nothing to do without files', async () => {
    assert.deepEqual(await dropPageCache([], never), { files: 0 });
  });

  test('says why it could not: a file that is missing, no helper, a helper that cannot', async () => {
    const missing = await dropPageCache([join(folder, 'none')], never);
    assert.ok('unavailable' in missing);
    assert.match(missing.unavailable, /^failed: ENOENT/u);
    const { PATH } = process.env;
    try {
      process.env['PATH'] = folder;
      const helpless = await dropPageCache(files, never);
      assert.ok('unavailable' in helpless);
      assert.match(helpless.unavailable, /^unsupported: spawn xargs ENOENT/u);
      const other = join(folder, 'xargs');
      writeFileSync(other, '#!/bin/sh\necho "dd: invalid input flag" >&2\nexit 123\n', { mode: 0o755 });
      const unable = await dropPageCache(files, never);
      assert.deepEqual(unable, {
        unavailable: 'failed: dd with iflag=nocache (GNU coreutils): dd: invalid input flag',
      });
      rmSync(other);
    } finally {
      process.env['PATH'] = PATH;
    }
  });

  test('ends with the reason of an abort', async () => {
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    await assert.rejects(dropPageCache(files, controller.signal), /enough/u);
  });
});
