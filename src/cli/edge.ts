import type { Readable } from 'node:stream';

/** A stream for text, with what a terminal knows of itself. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number | undefined;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

/** Everything of the process that the command line touches, so that a test can drive all of it with buffers. */
export interface Edge {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  readonly pid: number;
  /** Of Node.js and its parts, as `process.versions`. */
  readonly versions: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: TextStream;
  /** Descriptor behind `stdout`, for output that is not text; absent where there is none. */
  readonly outputDescriptor?: number;
  readonly stderr: TextStream;
  /** Aborted, with an InterruptedError as reason, when the user asks to stop. */
  readonly interrupted: AbortSignal;
}
