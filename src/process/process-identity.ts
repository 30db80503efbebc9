import { readFileSync } from 'node:fs';

/** Fields of `/proc/PID/stat` behind the name, which may hold anything; see proc(5). */
const STATE_FIELD = 0;
const START_TIME_FIELD = 19;

/** Where there is no `/proc` the number of the process is all that there is. */
const UNKNOWN_START = '0';

/** Names this process among all of this machine until it is restarted: `PID-START`, since numbers are used again. */
export const ownIdentity = (): string => `${process.pid}-${startTime(process.pid) ?? UNKNOWN_START}`;

/** Whether the process of that identity runs. */
export function isRunning(identity: string): boolean {
  const [pid = '', start = ''] = identity.split('-');
  const found = startTime(Number(pid));
  if (found !== undefined || start !== UNKNOWN_START) return found === start;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** In ticks since the machine's start; undefined where the process has ended, or nothing says so. */
function startTime(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // A process that has ended and was not asked for yet.
    return fields[STATE_FIELD] === 'Z' ? undefined : fields[START_TIME_FIELD];
  } catch {
    return undefined;
  }
}
