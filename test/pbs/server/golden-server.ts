import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { ClientHttp2Session } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { startEmbeddedServer, type RunningServer } from '../../../src/pbs/server/start-embedded-server.ts';
import { exchange, getText, logIn, openTls, startHttp2, upgradeHeaders, type RawAnswer } from './raw-client.ts';

/** Path of the golden datastore. */
export const golden: string = fileURLToPath(new URL('../../fixtures/golden/store', import.meta.url));
export const userId = 'bench@pbs';
export const secret = 'pass word%';
export const penaltyMs = 40;

/** The newest backup of vm/100. */
export const vm100 = 'backup-id=100&backup-time=1771259444&backup-type=vm';
export const readerTarget: string = `//api2/json/reader?${vm100}&debug=true&store=golden`;
export const incompressible = 'd7ce222312aea8d9ff9deeaa0e718a93a49f86975de8ec1b2adb560312d73992';

export const chunkFile = (digest: string, store: string = golden): string =>
  join(store, '.chunks', digest.slice(0, 4), digest);

/** Digests of a golden fixed index, each once. */
export function digestsOf(archive: string): string[] {
  const bytes = readFileSync(join(golden, archive));
  const digests = new Set<string>();
  for (let entry = 4096; entry < bytes.length; entry += 32) digests.add(bytes.toString('hex', entry, entry + 32));
  return [...digests];
}

/** A server of the golden datastore with a folder of its own, and what the tests do with it. */
export class GoldenServer implements AsyncDisposable {
  readonly folder: string;
  readonly server: RunningServer;
  /** Of the account, for what is not about the login. */
  readonly ticket: string;

  private constructor(folder: string, server: RunningServer, ticket: string) {
    this.folder = folder;
    this.server = server;
    this.ticket = ticket;
  }

  static async start(): Promise<GoldenServer> {
    const folder = mkdtempSync(join(tmpdir(), 'restorelab-server-'));
    const server = await startEmbeddedServer({
      clock: monotonicClock(),
      penaltyMs,
      userId,
      secret,
      certificateFolder: folder,
    });
    server.mount({ store: 'golden', path: golden });
    const socket = await openTls(server.port);
    const ticket = await logIn(socket, userId, secret);
    socket.destroy();
    return new GoldenServer(folder, server, ticket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async withTls<T>(use: (socket: TLSSocket) => Promise<T>): Promise<T> {
    const socket = await openTls(this.server.port);
    try {
      return await use(socket);
    } finally {
      socket.destroy();
    }
  }

  /** One request on a connection of its own. */
  async ask(request: string): Promise<RawAnswer> {
    return await this.withTls((socket) => exchange(socket, request));
  }

  /** The text of a GET with the ticket. */
  get(target: string): string {
    return getText(target, { cookie: `PBSAuthCookie=${this.ticket}` });
  }

  async openReader(target: string = readerTarget): Promise<ClientHttp2Session> {
    const socket = await openTls(this.server.port);
    const answer = await exchange(socket, getText(target, upgradeHeaders(this.ticket)));
    assert.equal(answer.status, 101, answer.body);
    return startHttp2(socket);
  }

  async withReader(use: (session: ClientHttp2Session) => Promise<void>, target?: string): Promise<void> {
    const session = await this.openReader(target);
    try {
      await use(session);
    } finally {
      session.destroy();
    }
  }
}
