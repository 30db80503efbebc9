import { spawnSync } from 'node:child_process';

/** A system call that strace saw; `began` and `ended` are numbers of lines. */
export interface TracedCall {
  readonly name: string;
  /** What was between the brackets, file descriptors with their paths. */
  readonly arguments: string;
  readonly began: number;
  readonly ended: number;
}

/** Whether strace is there and may look at processes. */
export const canTrace = (): boolean => spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;

/** What to start a program through, so that `log` gets its calls around files. */
export const tracer = (log: string): readonly string[] => [
  'strace',
  '-f',
  '-y',
  '-s',
  '65536',
  '-o',
  log,
  '-e',
  'trace=pwrite64,write,fsync,fdatasync,?rename,?renameat,?renameat2,?unlink,?unlinkat',
];

/** Reads a log of several threads, in which a call may be cut in two lines by those of others. */
export function parseTrace(log: string): TracedCall[] {
  const calls: TracedCall[] = [];
  const unfinished = new Map<string, Omit<TracedCall, 'ended'>>();
  for (const [line, text] of log.split('\n').entries()) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/u.exec(text) ?? [];
    const resumed = /^<\.\.\. \w+ resumed>(.*)\) += /u.exec(rest);
    const whole = /^(\w+)\((.*)\) += /u.exec(rest);
    const cut = /^(\w+)\((.*) <unfinished \.\.\.>$/u.exec(rest);
    if (resumed !== null) {
      const begun = unfinished.get(thread);
      unfinished.delete(thread);
      if (begun !== undefined) calls.push({ ...begun, arguments: begun.arguments + (resumed[1] ?? ''), ended: line });
    } else if (whole !== null) {
      calls.push({ name: whole[1] ?? '', arguments: whole[2] ?? '', began: line, ended: line });
    } else if (cut !== null) {
      unfinished.set(thread, { name: cut[1] ?? '', arguments: cut[2] ?? '', began: line });
    }
  }
  return calls.toSorted((one, other) => one.began - other.began);
}
