import type { Metric } from './metric.ts';
import type { RateName } from './objective.ts';

/** Name of the strategy that runs a program. */
export const EXTERNAL = 'external';

/** Programs whose arguments are known. */
export const externalPresets = ['pbs-restore', 'qmrestore', 'proxmox-backup-client'] as const;
export type ExternalPreset = (typeof externalPresets)[number];

/** What stands in braces in an argument, and what it becomes. */
export const placeholders = {
  repository: 'user, host, port and datastore, as PBS clients take them: root@pam@127.0.0.1:8007:tank',
  namespace: 'namespace of the snapshot, empty for the root',
  snapshot: 'vm/100/2026-02-16T16:30:44Z',
  archive: 'name of the image on the server: drive-scsi0.img.fidx',
  image: 'the same as clients name it: drive-scsi0.img',
  target: 'where the output is expected: the path, or - for stdout',
  nullTarget: 'a null device of QEMU that is as large as the image',
  keyFile: 'encryption key of the snapshot, empty without one',
} as const;
export type Placeholder = keyof typeof placeholders;

/** One argument, or several that are left out together where a placeholder in them is empty. */
export type ArgumentTemplate = string | readonly string[];

/** Where the restored bytes come out. */
export type ExternalOutput =
  | { readonly kind: 'stdout' }
  /** They cannot be seen. */
  | { readonly kind: 'none' }
  /** A new file, removed after its hash was taken. `allocate`: it is there, sparse and of the image's size, from the start. */
  | { readonly kind: 'file'; readonly path: string; readonly allocate: boolean };

/** A program that restores, as a black box. */
export interface ExternalSettings {
  readonly preset?: ExternalPreset;
  /** The program first; one with a slash in it is an absolute path. */
  readonly command: readonly ArgumentTemplate[];
  /** Beside the environment of this program, which is handed on without its own `PBS_*`. */
  readonly env: Readonly<Record<string, string>>;
  readonly output: ExternalOutput;
  /** Run after a restore that ended well, outside of what is measured. */
  readonly cleanup?: readonly ArgumentTemplate[];
  /** Absolute path of the folder in which it runs. */
  readonly folder: string;
  /** It has failed after so long. */
  readonly timeLimitMs?: number;
}

/** A process tree at one moment of a trial. */
export const treeColumns = [
  'timeMs',
  'cpuMs',
  'processes',
  'threads',
  'residentBytes',
  'readBytes',
  'writtenBytes',
  'connections',
] as const;
export type TreeColumn = (typeof treeColumns)[number];

/** What the processes of a command used together: those that had ended and those that had left their parents included. */
export interface TreeUsage {
  /** User and system time. */
  readonly cpuMs: Metric;
  /** Bytes that it really read from and wrote to storage, as far as they are charged to it. */
  readonly storageReadBytes: Metric;
  readonly storageWrittenBytes: Metric;
  /** Bytes that it passed through `read` and `write`, pipes and page cache included. */
  readonly readBytes: Metric;
  readonly writtenBytes: Metric;
  /** Largest sum of resident memory in any sample; shared pages count in each process. */
  readonly peakResidentBytes: Metric;
  readonly peakProcesses: Metric;
  /** Most established TCP connections in any sample. */
  readonly peakConnections: Metric;
}

/** What a program said of its own speed, in honest units. */
export interface PrintedFigures {
  /** Rates as printed, with the unit that they are really in. */
  readonly printed: readonly string[];
  readonly durationMs?: number;
  /** Bytes per second, computed again from size and duration. */
  readonly rates: Readonly<Record<RateName, Metric>>;
  /** What in it does not fit together. */
  readonly flags: readonly string[];
}

/** What is recorded of a trial that ran a program, beside what every trial has. */
export interface ExternalRecord {
  /** As run; secrets are in its environment only. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** 128 and more: ended by a signal, as shells count. Absent where it was stopped. */
  readonly exitCode?: number;
  /** Absent where it could not be started. */
  readonly usage?: TreeUsage;
  /** About twice a second, in columns of their own; null where a reading failed. */
  readonly samples: Readonly<Record<TreeColumn, readonly (number | null)[]>>;
  readonly figures: readonly PrintedFigures[];
  /** Its processes that were still there when it had ended, and were ended then. */
  readonly leftBehind: number;
}
