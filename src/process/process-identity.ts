import { readFileSync } from 'node:fs';

/** A process, told from a later one that got the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the start of the system, as in /proc/PID/stat; 0 where nothing tells. */
  readonly startTicks: number;
}

/** Fields of `/proc/PID/stat` behind the name, which may hold anything; see proc(5). */
const STATE_FIELD = 0;
const START_TIME_FIELD = 19;

/** The process of this number as it is now. */
export const identityOf = (pid: number): ProcessIdentity => ({ pid, startTicks: startTicksOf(pid) ?? 0 });

export const ownIdentity = (): ProcessIdentity => identityOf(process.pid);

export const isSameProcess = (one: ProcessIdentity, other: ProcessIdentity): boolean =>
  one.pid === other.pid && one.startTicks === other.startTicks;

/** Whether that very process runs; where there is no `/proc`, whether any of its number does. */
export function isRunning({ pid, startTicks }: ProcessIdentity): boolean {
  const found = startTicksOf(pid);
  if (found !== undefined || startTicks !== 0) return found === startTicks;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Undefined where the process has ended, or nothing says so. */
function startTicksOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // A process that has ended and was not asked for yet.
    return fields[STATE_FIELD] === 'Z' ? undefined : Number(fields[START_TIME_FIELD]);
  } catch {
    return undefined;
  }
}
