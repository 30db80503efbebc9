import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { buffer } from 'node:stream/consumers';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { Secret } from '../../../src/model/secret.ts';
import type { BackupSession } from '../../../src/pbs/client/backup-session.ts';
import { connectBackup, type BackupOptions } from '../../../src/pbs/client/connect-backup.ts';
import { parseSnapshotPath } from '../../../src/pbs/format/snapshot-path.ts';
import { startStubServer, type StubOptions, type StubServer } from './stub-server.ts';

/** A request inside of a backup session. */
export interface SeenRequest {
  readonly method: string;
  /** Without query. */
  readonly endpoint: string;
  /** With it. */
  readonly path: string;
  readonly parameters: URLSearchParams;
  readonly fields: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface ScriptedAnswer {
  readonly status: number;
  readonly body: string | Uint8Array;
}

export interface ScriptedBackupOptions extends Pick<StubOptions, 'refuse'> {
  /** The last snapshot, `vm/100/...`, and its files. */
  readonly previous?: { readonly snapshot: string; readonly file: (name: string) => Uint8Array };
  /** Instead of what a server answers that agrees with everything; may take its time. */
  readonly answer?: (request: SeenRequest) => Promise<ScriptedAnswer | undefined> | ScriptedAnswer | undefined;
}

export const TOKEN = 'bench@pbs!t1';
export const TOKEN_SECRET = 'TOKEN-SECRET';

/** The server's side of a backup without a datastore: it agrees, and remembers what was asked. */
export class ScriptedBackupServer implements AsyncDisposable {
  /** Requests whose body has arrived, in that order. */
  readonly seen: SeenRequest[] = [];
  readonly stub: StubServer;

  private constructor(stub: StubServer, seen: SeenRequest[]) {
    this.stub = stub;
    this.seen = seen;
  }

  static async start(options: ScriptedBackupOptions = {}): Promise<ScriptedBackupServer> {
    const seen: SeenRequest[] = [];
    const serve = async (stream: ServerHttp2Stream, path: string, fields: IncomingHttpHeaders): Promise<void> => {
      const { pathname, searchParams } = new URL(path, 'https://localhost');
      const request: SeenRequest = {
        method: String(fields[':method']),
        endpoint: pathname,
        path,
        parameters: searchParams,
        fields,
        body: await buffer(stream),
      };
      seen.push(request);
      const { status, body } = (await options.answer?.(request)) ?? agree(request, options);
      stream.respond({ ':status': status });
      stream.end(body);
    };
    const { refuse } = options;
    const stub = await startStubServer({
      serve: (...request) => void serve(...request).catch(() => {}),
      ...(refuse === undefined ? {} : { refuse }),
    });
    return new ScriptedBackupServer(stub, seen);
  }

  async connect(snapshot: string, more: Partial<BackupOptions> = {}): Promise<BackupSession> {
    return await connectBackup({
      host: '127.0.0.1',
      port: this.stub.port,
      fingerprint: this.stub.fingerprint,
      credentials: { authId: TOKEN, secret: new Secret(TOKEN_SECRET) },
      store: 'wire',
      snapshot: parseSnapshotPath(snapshot),
      clock: monotonicClock(),
      signal: new AbortController().signal,
      ...more,
    });
  }

  /** Those of one endpoint. */
  of(method: string, endpoint: string): readonly SeenRequest[] {
    return this.seen.filter((request) => request.method === method && request.endpoint === endpoint);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stub[Symbol.asyncDispose]();
  }
}

function agree({ method, endpoint, parameters }: SeenRequest, { previous }: ScriptedBackupOptions): ScriptedAnswer {
  if (endpoint === '/previous') {
    return previous === undefined
      ? { status: 400, body: 'no valid previous backup' }
      : { status: 200, body: previous.file(parameters.get('archive-name') ?? '') };
  }
  const data: Readonly<Record<string, unknown>> = {
    'GET /previous_backup_time': previous === undefined ? null : parseSnapshotPath(previous.snapshot).time,
    'POST /fixed_index': 1,
    'POST /fixed_chunk': parameters.get('digest'),
  };
  return { status: 200, body: JSON.stringify({ data: data[`${method} ${endpoint}`] ?? null }) };
}
