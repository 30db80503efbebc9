import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { RunningServer } from '../../src/pbs/server/start-embedded-server.ts';
import { serveDatastore } from './serve-datastore.ts';
import { Workbench, type CommandResult } from './workbench.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export const PASSWORD = 'pass word%';
const USER_ID = 'bench@pbs';

/** A server of a datastore folder in this process, and clients of it with a folder of their own. */
export class RestoreBench implements AsyncDisposable {
  readonly server: RunningServer;
  readonly workbench: Workbench;
  readonly #certificate: string;

  private constructor(server: RunningServer, workbench: Workbench, certificate: string) {
    this.server = server;
    this.workbench = workbench;
    this.#certificate = certificate;
  }

  static async open(datastore: string): Promise<RestoreBench> {
    const certificate = await mkdtemp(join(tmpdir(), 'restorelab-certificate-'));
    const workbench = await Workbench.open();
    const server = await serveDatastore(workbench, {
      store: 'tank',
      path: datastore,
      userId: USER_ID,
      secret: PASSWORD,
      certificateFolder: certificate,
    });
    return new RestoreBench(server, workbench, certificate);
  }

  /** The folder in which commands run. */
  get folder(): string {
    return this.workbench.folder;
  }

  /** Runs `restorelab restore` in this process. */
  async restore(...args: readonly string[]): Promise<CommandResult> {
    return await this.workbench.command(['restore', ...args]);
  }

  /** Starts `restorelab restore` as a process of its own. */
  startRestore(args: readonly string[], through: readonly string[] = []): ChildProcess {
    const [command = process.execPath, ...rest] = [...through, process.execPath, main, 'restore', ...args];
    return spawn(command, rest, {
      cwd: this.folder,
      env: { ...process.env, ...this.workbench.env, NODE_COMPILE_CACHE: join(this.#certificate, 'code') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Has the code compiled that processes will run: one that is killed keeps nothing of what it compiled. */
  async compile(): Promise<void> {
    await once(this.startRestore(['--help']), 'exit');
  }

  /** Names of what is in the folder that begins like this, but for cache and state. */
  async files(prefix = ''): Promise<string[]> {
    const names = await readdir(this.folder);
    return names.filter((name) => name.startsWith(prefix) && !['cache', 'state'].includes(name)).toSorted();
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async sha256(name: string): Promise<string> {
    const hash = createHash('sha256');
    for await (const piece of createReadStream(this.path(name))) hash.update(piece as Buffer);
    return hash.digest('hex');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.workbench[Symbol.asyncDispose]();
    await rm(this.#certificate, { recursive: true, force: true });
  }
}
