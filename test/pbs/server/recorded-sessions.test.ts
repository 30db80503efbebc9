import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import type { StoredSecret } from '../../../src/pbs/server/access/stored-secret.ts';
import { startEmbeddedServer, type RunningServer } from '../../../src/pbs/server/start-embedded-server.ts';
import { exchange, fetchH2, openTls, startHttp2, type RawAnswer } from './raw-client.ts';
import { readWireLog, type RecordedConnection, type RecordedExchange } from './wire-log.ts';

const golden = new URL('../../fixtures/golden/', import.meta.url);

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'restorelab-recorded-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const plain = (text: string): StoredSecret => ({ kind: 'plain', text });
const everywhere = { path: '/', role: 'DatastoreAdmin', propagate: true } as const;

async function startGolden(): Promise<RunningServer> {
  const server = await startEmbeddedServer({
    clock: monotonicClock(),
    penaltyMs: 5,
    accounts: {
      users: [
        {
          id: 'bench@pbs',
          password: plain('PASSWORD'),
          tokens: [{ name: 't1', secret: plain('TOKEN-SECRET') }],
        },
      ],
      acl: [
        { ...everywhere, authId: 'bench@pbs' },
        { ...everywhere, authId: 'bench@pbs!t1' },
      ],
    },
    certificateFolder: folder,
  });
  server.mount({ store: 'golden', path: fileURLToPath(new URL('store', golden)) });
  return server;
}

/** The request as it was sent, with the ticket of this server and the length of the body as it is in the log. */
function requestText({ requestHead, requestBody }: RecordedExchange, ticket: string): string {
  const lines = requestHead.map((line) =>
    line.startsWith('content-length:')
      ? `content-length: ${requestBody.length}`
      : line.replace('PBS:bench@pbs:TICKET', () => ticket),
  );
  return `${lines.join('\r\n')}\r\n\r\n${requestBody}`;
}

/** Lengths and dates differ; everything else must be what the real server sent, in its order. */
const comparable = (headers: readonly (readonly [string, string])[]): (readonly [string, string])[] =>
  headers.map(([name, value]) => [name, name === 'date' || name === 'content-length' ? '' : value]);

/** Lists come in the order of a folder, which no file system promises; of space only the kind of figure can be compared. */
function assertSameData(answer: RawAnswer, recorded: RecordedExchange): void {
  const { data } = JSON.parse(answer.body) as { data: object };
  if (Array.isArray(data)) {
    // Byte for byte, the order of keys included; what the log has no room for is known by its length.
    const items = new Set(data.map((item) => JSON.stringify(item)));
    for (const item of recordedItems(recorded.body)) assert.ok(items.has(item), `${item} in ${answer.body}`);
    assert.equal(answer.bytes.length, recorded.bodyBytes);
  } else {
    const kinds = (text: string): [string, unknown][] =>
      Object.entries((JSON.parse(text) as { data: object }).data).map(([name, value]) => [
        name,
        typeof value === 'number' ? 'a number' : value,
      ]);
    assert.deepEqual(kinds(answer.body), kinds(recorded.body));
  }
}

/** The whole items of a list that may be cut. */
function recordedItems(body: string): readonly string[] {
  const items = body.replace(/^\{"data":\[/u, '').split(/(?<=\}),(?=\{"(?:backup-type|crypt-mode)")/u);
  return body.endsWith(']}') ? items.map((item) => item.replace(/\]\}$/u, '')) : items.slice(0, -1);
}

async function replay({ port }: RunningServer, { exchanges, streams }: RecordedConnection): Promise<void> {
  const socket = await openTls(port);
  try {
    let ticket = '';
    for (const recorded of exchanges) {
      const answer = await exchange(socket, requestText(recorded, ticket));
      assert.equal(answer.status, recorded.status, recorded.requestHead[0]);
      assert.deepEqual(comparable(answer.headers), comparable(recorded.headers));
      if (recorded.body.startsWith('{"data":{"CSRF'))
        ticket = (JSON.parse(answer.body) as { data: { ticket: string } }).data.ticket;
      else if (answer.status !== 200) assert.equal(answer.body, recorded.body);
      else assertSameData(answer, recorded);
    }
    if (streams.length === 0) return;
    const session = startHttp2(socket);
    // Indexes first, as recorded, since the log's order is that of the client's requests.
    const [downloads, chunks] = [
      streams.filter(({ path }) => path.startsWith('/download')),
      streams.filter(({ path }) => path.startsWith('/chunk')),
    ];
    const replayStream = async ({
      path,
      headers,
      totalBytes,
      first16,
    }: RecordedConnection['streams'][number]): Promise<void> => {
      const answer = await fetchH2(session, path);
      const fields = Object.entries(answer.headers).map(([name, value]) => [name, String(value)] as const);
      assert.deepEqual(comparable(fields), comparable(headers), path);
      const recordedLength = headers.find(([name]) => name === 'content-length')?.[1];
      assert.equal(answer.headers['content-length'], recordedLength);
      assert.deepEqual([answer.body.length, answer.body.toString('hex', 0, 16)], [totalBytes, first16], path);
    };
    for (const stream of downloads) await replayStream(stream);
    await Promise.all(chunks.map(replayStream));
    session.destroy();
  } finally {
    socket.destroy();
  }
}

describe('requests of real clients are answered as the real server answered them', () => {
  const cases = [
    ['login-and-list.log', 0],
    ['refused.log', 1],
    ['catalog-dump.log', 3],
    ['restore-image-cli.log', 12],
    ['restore-image-qemu-lib.log', 11],
    ['restore-image-qemu-lib-sequential.log', 11],
    ['restore-encrypted-cli.log', 6],
    ['restore-pxar-legacy.log', 3],
    ['restore-pxar-split.log', 7],
  ] as const;
  for (const [log, streamCount] of cases) {
    it(log, async () => {
      const connections = readWireLog(new URL(`wire/${log}`, golden));
      assert.equal(connections.flatMap(({ streams }) => streams).length, streamCount);
      assert.ok(connections.every(({ exchanges }) => exchanges.length > 0));
      await using server = await startGolden();
      for (const connection of connections) await replay(server, connection);
    });
  }
});
