/** A stream for text, with what a terminal knows of itself; `process.stderr` is one, and so is a test's buffer. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Characters in a line and lines on the screen of a terminal. */
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

export type Environment = Readonly<Record<string, string | undefined>>;
