import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { monotonicClock } from '../../../../src/clock/monotonic.ts';
import type { AclEntry } from '../../../../src/pbs/server/access/accounts.ts';
import type { EmbeddedServerOptions } from '../../../../src/pbs/server/embedded-server.ts';
import { startEmbeddedServer, type RunningServer } from '../../../../src/pbs/server/start-embedded-server.ts';
import { copyOfGolden } from '../../datastore/golden.ts';
import { exchange, openTls, type RawAnswer } from '../raw-client.ts';

/** Secret of every token. */
const SECRET = 'token secret';

/** Proves to be the token of a user, given without their realm. */
export const tokenHeader = (user: string): { readonly authorization: string } => ({
  authorization: `PBSAPIToken=${user}@pbs!t:${encodeURIComponent(SECRET)}`,
});

export interface Asking {
  readonly method?: string;
  /** User of the token, without its realm; `admin` unless given. */
  readonly as?: string;
  readonly body?: string | Uint8Array;
  readonly contentType?: string;
}

/** A server of a copy of the golden datastore that may be changed, with users who may do different things. */
export class RestLab implements AsyncDisposable {
  /** Of the datastore, which is called `tank`. */
  readonly path: string;
  readonly server: RunningServer;
  readonly #resources: AsyncDisposableStack;

  private constructor(path: string, server: RunningServer, resources: AsyncDisposableStack) {
    this.path = path;
    this.server = server;
    this.#resources = resources;
  }

  /** `admin@pbs` may do everything; each key is the name of another user, with what their token `t` and they may do. */
  static async start(
    users: Readonly<Record<string, readonly Pick<AclEntry, 'path' | 'role'>[]>> = {},
    parts: readonly string[] = ['vm', 'host', '.chunks'],
    options: Pick<EmbeddedServerOptions, 'files'> = {},
  ): Promise<RestLab> {
    await using resources = new AsyncDisposableStack();
    const copy = resources.use(await copyOfGolden(parts));
    const folder = mkdtempSync(join(tmpdir(), 'restorelab-rest-'));
    resources.defer(() => rmSync(folder, { recursive: true, force: true }));
    const everything = { path: '/', role: 'DatastoreAdmin' } as const;
    const all = Object.entries({ admin: [everything], ...users });
    const server = resources.use(
      await startEmbeddedServer({
        clock: monotonicClock(),
        penaltyMs: 1,
        forbiddenMs: 1,
        certificateFolder: folder,
        ...options,
        accounts: {
          users: all.map(([name]) => ({
            id: `${name}@pbs`,
            tokens: [{ name: 't', secret: { kind: 'plain', text: SECRET } }],
          })),
          acl: all.flatMap(([name, entries]) =>
            entries.flatMap((entry) => [
              { ...entry, authId: `${name}@pbs`, propagate: true },
              { ...entry, authId: `${name}@pbs!t`, propagate: true },
            ]),
          ),
        },
      }),
    );
    server.mount({ store: 'tank', path: copy.path });
    return new RestLab(copy.path, server, resources.move());
  }

  async ask(target: string, { method = 'GET', as = 'admin', body = '', contentType }: Asking = {}): Promise<RawAnswer> {
    const socket = await openTls(this.server.port);
    try {
      const lines = [
        `${method} /api2/json/${target} HTTP/1.1`,
        'host: localhost',
        `authorization: ${tokenHeader(as).authorization}`,
        ...(contentType === undefined ? [] : [`content-type: ${contentType}`]),
        `content-length: ${Buffer.byteLength(body)}`,
      ];
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      socket.write(body);
      return await exchange(socket, '');
    } finally {
      socket.destroy();
    }
  }

  /** `data` of an answer that must be 200. */
  async data(target: string, asking?: Asking): Promise<unknown> {
    const answer = await this.ask(target, asking);
    if (answer.status !== 200) throw new Error(`${target}: ${answer.status} ${answer.body}`);
    return (JSON.parse(answer.body) as { data: unknown }).data;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
