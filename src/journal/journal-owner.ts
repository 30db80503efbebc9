import { readFile } from 'node:fs/promises';

import type { JournalOwner } from './journal-format.ts';

/** Fields of /proc/PID/stat behind the name of the program, which may hold blanks and brackets itself. */
const START_TIME_FIELD = 19;

/** The process of this number as it is now; its start is 0 where there is none, or no /proc. */
export async function ownerOf(pid: number): Promise<JournalOwner> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, startTicks: Number(fields[START_TIME_FIELD] ?? 0) };
}

/** Whether the process that is meant still runs; false without /proc, where nobody can tell. */
export async function isRunning(owner: JournalOwner): Promise<boolean> {
  return owner.startTicks !== 0 && (await ownerOf(owner.pid)).startTicks === owner.startTicks;
}
