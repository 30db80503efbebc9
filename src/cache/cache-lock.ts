import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { MachineError, systemErrorCode } from '../model/errors.ts';
import type { RunningProcesses } from './running-processes.ts';

const RETRY_MS = 20;
/** What is done under the lock is looking at and renaming folders, which takes milliseconds. */
const GIVE_UP_MS = 15_000;
/** A lock file that is still empty is about to be filled; one this old was left by a crash in between. */
const EMPTY_LOCK_MS = 2000;

/**
 * Runs `action` while no other process that shares the cache does so. A lock whose owner is gone is taken over.
 * @throws MachineError `cache-locked` when it stays held
 */
export async function withCacheLock<Result>(
  path: string,
  processes: RunningProcesses,
  action: () => Promise<Result>,
): Promise<Result> {
  const mine = `${processes.pid} ${randomUUID()}`;
  for (const start = performance.now(); !(await tryLock(path, mine));) {
    if (!(await takeOver(path, processes)) && performance.now() - start > GIVE_UP_MS) {
      throw new MachineError(`the cache is locked by another process: ${path}`, {
        code: 'cache-locked',
        hint: 'try again when the other run has ended, or remove the file',
      });
    }
    await sleep(RETRY_MS);
  }
  try {
    return await action();
  } finally {
    if ((await contentOf(path)) === mine) await rm(path, { force: true });
  }
}

async function tryLock(path: string, mine: string): Promise<boolean> {
  try {
    await writeFile(path, mine, { flag: 'wx' });
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Renames before it removes: of two processes that find the same dead owner only one gets the file. The other may get
 * the lock that the first has made since, and puts it back.
 * @returns false where the lock is held
 */
async function takeOver(path: string, processes: RunningProcesses): Promise<boolean> {
  const content = await contentOf(path);
  if (content === undefined) return true;
  const pid = Number.parseInt(content, 10);
  const isLeftOver = Number.isNaN(pid) ? (await ageMs(path)) > EMPTY_LOCK_MS : !processes.isRunning(pid);
  if (!isLeftOver) return false;
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
    const isDead = (await contentOf(aside)) === content;
    // Where yet another process has locked meanwhile, there is no place to put it back to, and the lock is held.
    if (!isDead) await link(aside, path).catch(unlessExists);
    await rm(aside, { force: true });
    return isDead;
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
  return true;
}

function unlessExists(error: unknown): void {
  if (systemErrorCode(error) !== 'EEXIST') throw error;
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function ageMs(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch {
    return 0;
  }
}
