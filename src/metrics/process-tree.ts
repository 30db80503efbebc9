import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';

import { systemErrorCode } from '../model/errors.ts';
import { ByteScanner } from './byte-scanner.ts';
import { parseProcessStat, parseProcessStatus, type ProcessStat } from './process-files.ts';

/** Of `/proc/PID/io`; children that have ended and were waited for are in it. */
export interface TreeIo {
  /** What passed through `read` and `write`, pipes and page cache included. */
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** What really came from and went to storage. */
  readonly storageReadBytes: number;
  readonly storageWrittenBytes: number;
}

/** What a tree had used at one moment. */
export interface TreeReading {
  readonly cpuMs: number;
  /** Absent where some process does not tell. */
  readonly io?: TreeIo;
  /** Of those that live, without the root. */
  readonly processes: number;
  readonly threads: number;
  readonly residentBytes: number;
  /** Established TCP connections; absent where some process does not tell. */
  readonly connections?: number;
}

interface Member {
  readonly stat: ProcessStat;
  readonly io: TreeIo | undefined;
}

const noIo: TreeIo = { readBytes: 0, writtenBytes: 0, storageReadBytes: 0, storageWrittenBytes: 0 };

/** Established, in `/proc/net/tcp`. */
const ESTABLISHED = '01';

/**
 * The processes below one that is the leader of its session: children of children, and those that have left their parents
 * but not the session. The root itself, which waits for the others, is not counted, but what the kernel charges it with is:
 * a process that has ended and was waited for is in its parent's figures to the last, seen or not. One that has left its
 * parents is nobody's: it counts with what it had used when it was last seen.
 */
export class ProcessTree {
  readonly #root: number;
  readonly #proc: string;
  readonly #scanner: ByteScanner = new ByteScanner();
  /** By pid, as last seen. */
  #members: ReadonlyMap<number, Member> = new Map();
  /** Of members that had left their parents and are gone. */
  #lostCpuMs = 0;
  #lostIo: TreeIo = noIo;
  readonly #rootIoBefore: TreeIo | undefined;
  readonly #rootCpuBefore: number;
  /** There before. */
  readonly #others: Set<number> = new Set();

  /** Why there are no trees on this system, if there are none. */
  static readonly unsupported: string | undefined =
    platform() === 'linux' ? undefined : `unsupported: ${platform()} has no /proc`;

  /** To be made before the root starts what is to be counted: what is there until then, and was used, does not count. */
  constructor(root: number, proc: string = '/proc') {
    this.#root = root;
    this.#proc = proc;
    const before = this.#read(root);
    this.#rootCpuBefore = before?.stat.endedChildrenCpuMs ?? 0;
    this.#rootIoBefore = before?.io;
    for (const pid of this.#findMembers().keys()) this.#others.add(pid);
  }

  /** Those that were there at the last {@link scan}, without the root. */
  get pids(): readonly number[] {
    return [...this.#members.keys()];
  }

  /** Looks at every process of the machine: about 20 us for each. Undefined when the root is gone. */
  scan(): TreeReading | undefined {
    const root = this.#read(this.#root);
    if (root === undefined) return undefined;
    const members = this.#findMembers();
    this.#keepLost(members);
    this.#members = members;
    const all = [...members.values()];
    const io = addIo([subtractIo(root.io, this.#rootIoBefore), this.#lostIo, ...all.map((member) => member.io)]);
    const connections = this.#countConnections();
    return {
      cpuMs: all.reduce(
        (sum, { stat }) => sum + stat.cpuMs + stat.endedChildrenCpuMs,
        root.stat.endedChildrenCpuMs - this.#rootCpuBefore + this.#lostCpuMs,
      ),
      ...(io === undefined ? {} : { io }),
      processes: members.size,
      threads: all.reduce((sum, { stat }) => sum + stat.threads, 0),
      residentBytes: this.pids.reduce((sum, pid) => sum + this.#residentBytes(pid), 0),
      ...(connections === undefined ? {} : { connections }),
    };
  }

  /**
   * Adds those that carry `mark` in their environment: they have left parents and session before they were seen. Looks
   * into every process of this user, and is for the end.
   */
  adopt(mark: string): void {
    const members = new Map(this.#members);
    for (const name of readdirSync(this.#proc)) {
      const pid = Number(name);
      if (!/^\d+$/u.test(name) || pid === this.#root || this.#others.has(pid) || members.has(pid)) continue;
      const stat = hasInEnvironment(join(this.#proc, name), mark) ? this.#readStat(pid) : undefined;
      if (stat !== undefined) members.set(pid, { stat, io: this.#readIo(pid) });
    }
    this.#members = members;
  }

  /** Whether a pid of {@link pids} is still the process that it was. */
  isAlive(pid: number): boolean {
    const known = this.#members.get(pid);
    return known !== undefined && this.#readStat(pid)?.startTicks === known.stat.startTicks;
  }

  #findMembers(): ReadonlyMap<number, Member> {
    const stats = new Map<number, ProcessStat>();
    for (const name of readdirSync(this.#proc)) {
      if (!/^\d+$/u.test(name)) continue;
      const stat = this.#readStat(Number(name));
      if (stat !== undefined) stats.set(Number(name), stat);
    }
    const found = new Map<number, Member>();
    for (const [pid, stat] of stats) {
      if (pid === this.#root || this.#others.has(pid) || !this.#isBelow(pid, stat, stats)) continue;
      found.set(pid, { stat, io: this.#readIo(pid) });
    }
    return found;
  }

  #isBelow(pid: number, stat: ProcessStat, stats: ReadonlyMap<number, ProcessStat>): boolean {
    // As many steps as there are processes: parents that change while they are read could form a ring.
    let [at, one]: readonly [number, ProcessStat | undefined] = [pid, stat];
    for (let step = 0; step < stats.size && one !== undefined && at > 1; step += 1) {
      const known = this.#members.get(at);
      if (one.sessionId === this.#root || one.parentPid === this.#root || known?.stat.startTicks === one.startTicks)
        return true;
      at = one.parentPid;
      one = stats.get(at);
    }
    return false;
  }

  /** What nobody waited for: its last parent that was seen is not one of us. */
  #keepLost(now: ReadonlyMap<number, Member>): void {
    for (const [pid, { stat, io }] of this.#members) {
      if (now.get(pid)?.stat.startTicks === stat.startTicks) continue;
      if (stat.parentPid === this.#root || this.#members.has(stat.parentPid)) continue;
      this.#lostCpuMs += stat.cpuMs + stat.endedChildrenCpuMs;
      this.#lostIo = addIo([this.#lostIo, io ?? noIo]) ?? this.#lostIo;
    }
  }

  #countConnections(): number | undefined {
    const established = new Set<string>();
    const held = new Set<string>();
    try {
      for (const pid of this.pids) {
        const folder = join(this.#proc, String(pid));
        for (const fd of readdirSync(join(folder, 'fd'))) {
          const inode = socketInode(join(folder, 'fd', fd));
          if (inode !== undefined) held.add(inode);
        }
        if (established.size === 0) for (const inode of establishedInodes(join(folder, 'net'))) established.add(inode);
      }
    } catch (error) {
      // A process that has just ended has no connections; one of another user does not tell.
      if (systemErrorCode(error) === 'EACCES') return undefined;
    }
    return held.intersection(established).size;
  }

  #read(pid: number): Member | undefined {
    const stat = this.#readStat(pid);
    return stat === undefined ? undefined : { stat, io: this.#readIo(pid) };
  }

  #readStat(pid: number): ProcessStat | undefined {
    return this.#load(join(this.#proc, String(pid), 'stat'), parseProcessStat);
  }

  #readIo(pid: number): TreeIo | undefined {
    return this.#load(join(this.#proc, String(pid), 'io'), parseTreeIo);
  }

  #residentBytes(pid: number): number {
    return this.#load(join(this.#proc, String(pid), 'status'), parseProcessStatus)?.residentBytes ?? 0;
  }

  /** undefined where the process has ended, or is another user's. */
  #load<Value>(path: string, parse: (scanner: ByteScanner) => Value | undefined): Value | undefined {
    let fd: number | undefined;
    try {
      fd = openSync(path, 'r');
      return parse(this.#scanner.load(fd));
    } catch {
      return undefined;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}

export function parseTreeIo(scanner: ByteScanner): TreeIo | undefined {
  const io = { readBytes: NaN, writtenBytes: NaN, storageReadBytes: NaN, storageWrittenBytes: NaN };
  do {
    if (scanner.accept('rchar:')) io.readBytes = scanner.integer();
    else if (scanner.accept('wchar:')) io.writtenBytes = scanner.integer();
    else if (scanner.accept('read_bytes:')) io.storageReadBytes = scanner.integer();
    else if (scanner.accept('write_bytes:')) io.storageWrittenBytes = scanner.integer();
  } while (scanner.nextLine());
  return Object.values(io).some(Number.isNaN) ? undefined : io;
}

function addIo(parts: readonly (TreeIo | undefined)[]): TreeIo | undefined {
  let sum = noIo;
  for (const part of parts) {
    if (part === undefined) return undefined;
    sum = combineIo(sum, part, 1);
  }
  return sum;
}

function subtractIo(from: TreeIo | undefined, what: TreeIo | undefined): TreeIo | undefined {
  return from === undefined || what === undefined ? undefined : combineIo(from, what, -1);
}

function combineIo(one: TreeIo, other: TreeIo, sign: 1 | -1): TreeIo {
  return {
    readBytes: one.readBytes + sign * other.readBytes,
    writtenBytes: one.writtenBytes + sign * other.writtenBytes,
    storageReadBytes: one.storageReadBytes + sign * other.storageReadBytes,
    storageWrittenBytes: one.storageWrittenBytes + sign * other.storageWrittenBytes,
  };
}

/** As it was when the process started; nobody else's can be read. */
function hasInEnvironment(folder: string, variable: string): boolean {
  try {
    return readFileSync(join(folder, 'environ'), 'latin1').split('\0').includes(variable);
  } catch {
    return false;
  }
}

/** `socket:[12345]` */
function socketInode(link: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/u.exec(readlinkSync(link))?.[1];
  } catch {
    // Closed meanwhile.
    return undefined;
  }
}

/** Of the connections of a network namespace; each has its state in the fourth column and its inode in the tenth. */
function establishedInodes(folder: string): readonly string[] {
  return ['tcp', 'tcp6'].flatMap((name) => {
    let text: string;
    try {
      text = readFileSync(join(folder, name), 'latin1');
    } catch {
      // Without IPv6 there is no tcp6.
      return [];
    }
    return text.split('\n').flatMap((line) => {
      const columns = line.trim().split(/\s+/u);
      return columns[3] === ESTABLISHED ? (columns[9] ?? []) : [];
    });
  });
}
