import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { startEmbeddedServer, type RunningServer } from '../../../src/pbs/server/start-embedded-server.ts';
import { exchange, fetchH2, openTls, startHttp2 } from './raw-client.ts';
import { readWireLog, type RecordedConnection, type RecordedExchange } from './wire-log.ts';

const golden = new URL('../../fixtures/golden/', import.meta.url);

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'restorelab-recorded-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function startGolden(userId: string, secret: string): Promise<RunningServer> {
  const server = await startEmbeddedServer({
    clock: monotonicClock(),
    penaltyMs: 5,
    userId,
    secret,
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
      else assert.equal(answer.body, recorded.body);
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
    ['restore-image-qemu-lib.log', 'bench@pbs', 'PASSWORD', 11],
    ['restore-image-qemu-lib-sequential.log', 'bench@pbs', 'PASSWORD', 11],
    ['refused.log', 'bench@pbs!t1', 'TOKEN-SECRET', 1],
  ] as const;
  for (const [log, userId, secret, streamCount] of cases) {
    it(log, async () => {
      const connections = readWireLog(new URL(`wire/${log}`, golden));
      assert.equal(connections.flatMap(({ streams }) => streams).length, streamCount);
      assert.ok(connections.every(({ exchanges }) => exchanges.length > 0));
      await using server = await startGolden(userId, secret);
      for (const connection of connections) await replay(server, connection);
    });
  }
});
