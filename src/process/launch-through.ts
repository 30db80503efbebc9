import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { CHANNEL_VARIABLE } from './call-channel.ts';

/** Has a program run `node ENTRY` with a variable more in its environment. */
export type Launcher = (entryPath: string, variables: Readonly<Record<string, string>>) => ChildProcess;

/**
 * Starts a module through a program that keeps Node's IPC channel to itself. The module connects to a socket instead,
 * in a folder that only this user can enter; what it sends waits in the socket until somebody listens.
 * @throws when the program ends, or cannot be started, before the module has connected
 */
export async function launchThrough(
  launch: Launcher,
  entry: URL,
): Promise<{ readonly child: ChildProcess; readonly socket: Socket }> {
  const folder = await mkdtemp(join(tmpdir(), 'restorelab-'));
  const server = createServer();
  const abort = new AbortController();
  try {
    const path = join(folder, 'channel');
    server.listen(path);
    await once(server, 'listening');
    const child = launch(fileURLToPath(entry), { [CHANNEL_VARIABLE]: path });
    const connection = once(server, 'connection', { signal: abort.signal }) as Promise<[Socket]>;
    const ended = once(child, 'exit', { signal: abort.signal }).then(([code, signal]): never => {
      throw new Error(`it ended (${String(signal ?? `exit code ${code}`)})`);
    });
    const [socket] = await Promise.race([connection, ended]);
    return { child, socket };
  } finally {
    abort.abort();
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
}
