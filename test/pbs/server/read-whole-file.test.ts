import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { FileTooLong, readWholeFile } from '../../../src/pbs/server/read-whole-file.ts';

const openFiles = (path: string): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  }).length;

describe('reading a whole file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'restorelab-read-'));
  const path = join(folder, 'chunk');
  writeFileSync(path, Buffer.alloc(300_000, 'chunk'));
  const unasked = (): never => assert.fail('no memory was to be taken or given back');
  after(() => rmSync(folder, { recursive: true }));

  it('gives its bytes in the memory that it was given', async () => {
    const memory = Buffer.alloc(300_000);
    const bytes = await readWholeFile(path, 1e6, { memory: { take: () => memory, give: unasked } });
    assert.equal(bytes.buffer, memory.buffer);
    assert.ok(bytes.equals(readFileSync(path)));
    assert.equal((await readWholeFile(path, 300_000)).length, 300_000);
  });

  it('takes no memory for a file that is longer than it can be, and leaves no file open', async () => {
    const memory = { take: unasked, give: unasked };
    await assert.rejects(readWholeFile(path, 299_999, { memory }), FileTooLong);
    await assert.rejects(readWholeFile(join(folder, 'none'), 1e6, { memory }), { code: 'ENOENT' });
    while (openFiles(path) > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('gives its memory back when it is aborted, and takes none when it was aborted before', async () => {
    const controller = new AbortController();
    const memory = Buffer.alloc(300_000);
    const given: Buffer[] = [];
    const take = (): Buffer => {
      setImmediate(() => controller.abort(new Error('reset')));
      return memory;
    };
    const reading = readWholeFile(path, 1e6, {
      memory: { take, give: (back) => given.push(back) },
      signal: controller.signal,
    });
    // The read may have ended before the abort; then it is whole.
    const outcome = await reading.catch((error: Error) => error.message);
    assert.deepEqual(given, outcome === 'reset' ? [memory] : []);
    await assert.rejects(
      readWholeFile(path, 1e6, { memory: { take: unasked, give: unasked }, signal: controller.signal }),
      /reset/u,
    );
  });

  it('gives what there is of a file that shrinks under it', async () => {
    const take = (length: number): Buffer => {
      truncateSync(path, 100);
      return Buffer.alloc(length);
    };
    const bytes = await readWholeFile(path, 1e6, { memory: { take, give: unasked } });
    assert.equal(bytes.length, 100);
  });
});
