import type { FileHandle } from 'node:fs/promises';

/** What a restore writes at any offset and can read back: a file, or a block device. */
export interface RestoreMedium extends AsyncDisposable {
  /** What is written until the restore is complete. */
  readonly path: string;
  readonly file: Pick<FileHandle, 'fd' | 'read' | 'write' | 'datasync' | 'sync'>;
  /** Nothing has been written to it, and all of it reads as zeros. */
  readonly isNew: boolean;
  /** Whether what was never written is known to be zeros. */
  readonly isSparse: boolean;
  /** Called when everything is durable; resolves when the restored image has its name for good. */
  publish(): Promise<void>;
}
