/** One of the streams `process.stdout` and `process.stderr`, or a stand-in. */
export interface OutputOfProcess {
  write(text: string, written?: (error?: Error | null) => void): boolean;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/**
 * Text output of this process that survives its reader. A pipe takes 64 KiB at once and the rest when it is read, so
 * that a process has to wait for {@link drained} before it ends; a reader that closes early
 * (`restorelab report DIR | head`) is no failure of ours: what follows is dropped.
 */
export class ProcessOutput {
  readonly #stream: OutputOfProcess;
  #failure: NodeJS.ErrnoException | undefined;

  constructor(stream: OutputOfProcess) {
    this.#stream = stream;
    stream.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  /** Why output was lost, unless the reader had no use for it. */
  get failure(): Error | undefined {
    return this.#failure?.code === 'EPIPE' ? undefined : this.#failure;
  }

  get isTTY(): boolean {
    return this.#stream.isTTY === true;
  }

  get columns(): number | undefined {
    return this.#stream.columns;
  }

  get rows(): number | undefined {
    return this.#stream.rows;
  }

  write(text: string): void {
    if (this.#failure === undefined) this.#stream.write(text);
  }

  on(event: 'resize', listener: () => void): void {
    this.#stream.on(event, listener);
  }

  off(event: 'resize', listener: () => void): void {
    this.#stream.off(event, listener);
  }

  /** Resolves when everything that was written has left this process, or cannot any more. */
  async drained(): Promise<void> {
    if (this.#failure !== undefined) return;
    // Callbacks come in the order of the writes, with an error where the stream has failed.
    await new Promise<void>((resolve) => {
      this.#stream.write('', () => resolve());
    });
  }
}
