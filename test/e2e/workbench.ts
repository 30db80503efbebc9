import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { runCommandLine } from '../../src/cli/command-line.ts';
import type { ExitCode } from '../../src/model/errors.ts';
import type { Report } from '../../src/model/report.ts';

export interface CommandResult {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder of its own with cache, state and scenarios, and the command line driven in this process. */
export class Workbench implements AsyncDisposable {
  readonly folder: string;
  readonly env: Record<string, string>;

  private constructor(folder: string) {
    this.folder = folder;
    this.env = { XDG_CACHE_HOME: join(folder, 'cache'), XDG_STATE_HOME: join(folder, 'state'), NO_COLOR: '1' };
  }

  static async open(): Promise<Workbench> {
    return new Workbench(await mkdtemp(join(tmpdir(), 'restorelab-e2e-')));
  }

  async command(
    args: readonly string[],
    { interrupted, onStderr }: { readonly interrupted?: AbortSignal; readonly onStderr?: (text: string) => void } = {},
  ): Promise<CommandResult> {
    let stdout = '';
    let stderr = '';
    const exitCode = await runCommandLine({
      args,
      env: this.env,
      cwd: this.folder,
      home: this.folder,
      pid: process.pid,
      versions: process.versions,
      stdin: Readable.from([]),
      stdout: { write: (text: string) => (stdout += text) },
      stderr: {
        write: (text: string) => {
          stderr += text;
          onStderr?.(text);
        },
      },
      interrupted: interrupted ?? new AbortController().signal,
    });
    return { exitCode, stdout, stderr };
  }

  /** Writes a scenario file: `formatVersion` and a small fast image unless the text has its own. */
  async scenario(name: string, lines: readonly string[]): Promise<string> {
    const text = lines.join('\n');
    const head = [
      'formatVersion: 1',
      `name: ${name}`,
      ...(/^(?:image|server):/mu.test(text) ? [] : ['image: { size: 24 MiB, zeroShare: 10 %, compressionRatio: 1.5 }']),
    ];
    const file = join(this.folder, `${name}.yaml`);
    await writeFile(file, `${head.join('\n')}\n${text}\n`);
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export const reportOf = ({ stdout }: CommandResult): Report => JSON.parse(stdout) as Report;
