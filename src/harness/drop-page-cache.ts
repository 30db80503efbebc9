import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';

import type { PageCacheDrop } from '../model/records.ts';

/** Files that are written back at the same time; the disk needs a few to be busy. */
const SYNCS_AT_ONCE = 8;

/** Of what the helpers said, enough to name the first cause. */
const MAX_SAID = 1000;

/**
 * Asks the kernel to forget the cached pages of files. Node cannot say POSIX_FADV_DONTNEED, but GNU `dd` can, without
 * root: `iflag=nocache` with `count=0` drops a whole file (GNU coreutils manual, 13.2). `xargs` starts one after the
 * other. Pages that are not on disk yet cannot be dropped, so the files are synced before.
 *
 * Whether it worked is not known here: a file system in memory, or one that caches elsewhere, ignores it. What the
 * server then read from storage tells. Never throws, unless aborted: with the signal's reason.
 */
export async function dropPageCache(paths: readonly string[], signal: AbortSignal): Promise<PageCacheDrop> {
  try {
    await syncAll(paths);
    await forgetAll(paths, signal);
    return { files: paths.length };
  } catch (error) {
    signal.throwIfAborted();
    const { message, syscall = '' } = error as NodeJS.ErrnoException;
    return { unavailable: `${syscall.startsWith('spawn') ? 'unsupported' : 'failed'}: ${message}` };
  }
}

async function syncAll(paths: readonly string[]): Promise<void> {
  const waiting = [...paths];
  const syncNext = async (): Promise<void> => {
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      await using file = await open(path);
      await file.datasync();
    }
  };
  await Promise.all(Array.from({ length: SYNCS_AT_ONCE }, syncNext));
}

async function forgetAll(paths: readonly string[], signal: AbortSignal): Promise<void> {
  const command = ['xargs', '-0', '-I', '{}', 'dd', 'if={}', 'iflag=nocache', 'count=0', 'status=none'] as const;
  const [program, ...args] = command;
  const helper = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'], signal });
  let said = '';
  helper.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < MAX_SAID) said += text;
  });
  // One that cannot be started, or ends early, says so by its `error` or its exit code.
  helper.stdin.on('error', () => {});
  helper.stdin.end(paths.map((path) => `${path}\0`).join(''));
  const [code] = (await once(helper, 'close')) as [number | null];
  const [reason = ''] = said.split('\n');
  if (code !== 0)
    throw new Error(`dd with iflag=nocache (GNU coreutils): ${reason === '' ? `exit code ${code}` : reason}`);
}
