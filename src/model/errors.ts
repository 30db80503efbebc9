/** Exit codes of the command line; the documentation of each is in docs/exit-codes.md. */
export const exitCodes = {
  fine: 0,
  /** An objective failed, a regression, or restored bytes differ. */
  failed: 1,
  /** Wrong usage or scenario; a named thing is absent; a key is missing or wrong; a target exists. */
  usage: 2,
  /** A run finished but some of its trials failed or could not be measured. */
  trials: 3,
  /** The server: unreachable, TLS or fingerprint, authentication, permission, locked. */
  server: 4,
  /** This machine: disk full, not writable, out of descriptors. */
  machine: 5,
  internal: 70,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export interface ErrorDetails {
  /** Stable, kebab-case name of the cause, for programs. */
  readonly code: string;
  /** What the user can do about it, one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An error that a user can act on: printed as one clean line and its hint, without a stack. */
export abstract class KnownError extends Error {
  abstract readonly exitCode: ExitCode;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(message: string, { code, hint, cause }: ErrorDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = hint;
  }
}

/** The command was used wrongly, or names something that is not there (exit 2). */
export class UsageError extends KnownError {
  readonly exitCode: ExitCode = exitCodes.usage;
}

/** One thing wrong with a scenario file; `message` of the error lists them all. */
export interface ScenarioProblem {
  readonly file: string;
  /** 1-based; absent where the whole file is meant. */
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
  /** The offending line as written, without its line end. */
  readonly sourceLine?: string;
  /** Columns to mark below the source line. */
  readonly markLength?: number;
  /** What is allowed there, or the nearest right name. */
  readonly allowed?: string;
}

/** A scenario file is wrong (exit 2). `message` is the complete, printable text. */
export class ScenarioError extends KnownError {
  readonly exitCode: ExitCode = exitCodes.usage;
  readonly problems: readonly ScenarioProblem[];

  constructor(message: string, problems: readonly ScenarioProblem[], details: ErrorDetails) {
    super(message, details);
    this.problems = problems;
  }
}

/** Stored or restored bytes are not what they should be (exit 1). */
export class IntegrityError extends KnownError {
  readonly exitCode: ExitCode = exitCodes.failed;
}

/** The server cannot be used (exit 4). */
export class ServerError extends KnownError {
  readonly exitCode: ExitCode = exitCodes.server;
}

/** This machine stands in the way: disk full, not writable, out of descriptors (exit 5). */
export class MachineError extends KnownError {
  readonly exitCode: ExitCode = exitCodes.machine;
}

/** The user asked to stop (exit 130 or 143). */
export class InterruptedError extends KnownError {
  readonly exitCode: ExitCode;
  readonly signal: 'SIGINT' | 'SIGTERM';

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`interrupted by ${signal}`, { code: 'interrupted' });
    this.signal = signal;
    this.exitCode = signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated;
  }
}

const machineCauses: Readonly<Record<string, string>> = {
  ENOSPC: 'free some space there, or choose another place',
  EDQUOT: 'the quota is used up: free some space there, or choose another place',
  EROFS: 'the file system is read-only: choose another place',
  EACCES: 'check the permissions of the path, or choose another place',
  EPERM: 'check the permissions of the path, or choose another place',
  EMFILE: 'raise the limit of open files (ulimit -n)',
  ENFILE: 'the system has no file descriptors left',
  ENOTDIR: 'a part of the path is a file, not a folder: choose another place',
  EISDIR: 'a folder is in the place of a file: choose another path',
  ERR_FS_EISDIR: 'a folder is in the place of a file: choose another path',
  ENAMETOOLONG: 'choose a shorter name',
  ELOOP: 'links of the path lead to one another: choose another path',
  EFBIG: 'the file system, or a limit (ulimit -f), does not take files of this size: choose another place',
  EIO: 'a disk does not answer as it should: see the log of the kernel (dmesg), and choose another place',
  ESTALE: 'the network file system has lost it: mount it again',
};

/** The code of a Node.js system error (`ENOENT`, `ENOSPC`, ...), or undefined for any other value. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const unreadableCodes: ReadonlySet<string> = new Set([
  'machine-eio',
  'machine-eloop',
  'machine-eisdir',
  'machine-estale',
]);

/** Whether a {@link MachineError} is of a file that the disk or file system does not give, rather than one that may not be read. */
export const isUnreadable = (error: unknown): error is MachineError =>
  error instanceof MachineError && unreadableCodes.has(error.code);

/**
 * Turns a system error that only this machine's owner can mend (disk full, not writable, no descriptors) into a
 * {@link MachineError} that says what was being done; any other value is returned as it is.
 */
export function asMachineError(error: unknown, doing: string): unknown {
  const code = systemErrorCode(error);
  const hint = code === undefined ? undefined : machineCauses[code];
  if (code === undefined || hint === undefined) return error;
  return new MachineError(`${doing}: ${(error as Error).message}`, {
    code: `machine-${code.toLowerCase()}`,
    hint,
    cause: error,
  });
}
