import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { startEmbeddedServer } from '../../../src/pbs/server/start-embedded-server.ts';
import { GoldenServer, incompressible, readerTarget, secret, userId } from './golden-server.ts';
import { exchange, fetchH2, getText, openTls, upgradeHeaders } from './raw-client.ts';

let lab: GoldenServer;
before(async () => {
  lab = await GoldenServer.start();
});
after(() => lab[Symbol.asyncDispose]());

/** Unlike `once`, does not reject when the connection is reset. */
const closeOf = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

describe('clients that behave badly', () => {
  const isAlive = async (): Promise<void> => assert.equal((await lab.ask(getText('/api2/json/ping'))).status, 200);

  const openFiles = (): number => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);

  it('a client that dies in the middle of its downloads does no harm and leaves no file open', async () => {
    const before = openFiles();
    for (let round = 0; round < 4; round += 1) {
      const session = await lab.openReader();
      await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
      for (let index = 0; index < 32; index += 1) {
        const stream = session.request({
          ':path': index % 2 === 0 ? `/chunk?digest=${incompressible}` : '/download?file-name=index.json.blob',
        });
        stream.on('error', () => {});
        if (index % 5 === 0) stream.close();
      }
      if (round % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 5 * round));
      session.socket.destroy();
      session.destroy();
    }
    await isAlive();
    // The files of the last client are closed soon after its connection is.
    for (let wait = 0; wait < 100 && openFiles() > before; wait += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(openFiles() <= before, `${openFiles()} open files, ${before} before`);
  });

  it('streams that are reset give their turn to the others', async () => {
    await lab.withReader(async (session) => {
      await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
      for (let round = 0; round < 3; round += 1) {
        const streams = Array.from({ length: 20 }, () =>
          session.request({ ':path': `/chunk?digest=${incompressible}` }),
        );
        for (const stream of streams) {
          stream.on('error', () => {});
          stream.once('response', () => stream.close(8));
        }
        await Promise.race(streams.map((stream) => once(stream, 'close')));
        for (const stream of streams) stream.close(8);
      }
      assert.equal((await fetchH2(session, `/chunk?digest=${incompressible}`)).body.length, 4_194_316);
    });
  });

  it('a stream whose client does not read does not stop the other streams', async () => {
    const socket = await openTls(lab.server.port);
    await exchange(socket, getText(readerTarget, upgradeHeaders(lab.ticket)));
    const { connect: connectHttp2 } = await import('node:http2');
    // 64 KiB for each stream, more than enough for all.
    const session = connectHttp2('https://localhost', { createConnection: () => socket });
    session.on('error', () => {});
    session.once('connect', () => session.setLocalWindowSize(2 ** 30));
    try {
      await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
      for (let index = 0; index < 5; index += 1) {
        const stream = session.request({ ':path': `/chunk?digest=${incompressible}` });
        stream.on('error', () => {});
        await once(stream, 'response');
      }
      assert.equal((await fetchH2(session, `/chunk?digest=${incompressible}`)).body.length, 4_194_316);
    } finally {
      session.destroy();
    }
  });

  it('plain HTTP is sent to https', async () => {
    for (const [method, status] of [
      ['GET', 301],
      ['HEAD', 301],
      ['POST', 308],
    ] as const) {
      const socket = connect(lab.server.port, '127.0.0.1');
      socket.write(`${method} /some/path HTTP/1.1\r\nhost: pbs.example:8007\r\ncontent-length: 0\r\n\r\n`);
      let text = '';
      for await (const piece of socket) text += (piece as Buffer).toString();
      assert.match(
        text,
        new RegExp(`^HTTP/1.1 ${status} [^\r]+\r\nlocation: https://pbs.example:8007\r\ncontent-length: 0\r\n`, 'u'),
      );
    }
  });

  it('nonsense instead of TLS, of a request or of HTTP/2 is refused', async () => {
    for (const bytes of ['\x16\x03\x01\x00\x05hello', '\0\0\0\0', '']) {
      const socket = connect(lab.server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.end(bytes, 'latin1');
      socket.resume();
      await closeOf(socket);
    }
    for (const head of [
      'NONSENSE\r\n\r\n',
      `GET / HTTP/1.1\r\nx: ${'y'.repeat(200_000)}\r\n\r\n`,
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n',
    ]) {
      const socket = await openTls(lab.server.port);
      socket.write(head);
      socket.resume();
      await closeOf(socket);
    }
    await lab.withTls(async (socket) => {
      await exchange(socket, getText(readerTarget, upgradeHeaders(lab.ticket)));
      socket.write('this is not HTTP/2, and long enough to be sure of it');
      socket.resume();
      await closeOf(socket);
    });
    await isAlive();
  });

  it('a client that leaves during the penalty is forgotten', async () => {
    const socket = await openTls(lab.server.port);
    socket.write(getText('/api2/json/version', upgradeHeaders('x')));
    await new Promise((resolve) => setTimeout(resolve, 5));
    socket.destroy();
    await isAlive();
  });

  it('connections end with the server', async () => {
    const other = await startEmbeddedServer({ clock: monotonicClock(), userId, secret, certificateFolder: lab.folder });
    const socket = await openTls(other.port);
    const closed = once(socket.resume(), 'close');
    await other[Symbol.asyncDispose]();
    await closed;
  });

  it('a shutdown answers the requests that are under way, and takes no more connections', async () => {
    await using other = await GoldenServer.start();
    await other.withReader(async (session) => {
      await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
      other.server.setStorage({ readLatencyMs: 200, queueDepth: 64 });
      const closed = once(session, 'close');
      const goodbye = once(session, 'goaway');
      const answer = fetchH2(session, `/chunk?digest=${incompressible}`);
      // The request is with the server when it answers a later frame.
      await new Promise((resolve) => session.ping(resolve));
      const ended = other.server.shutdown();
      await goodbye;
      await assert.rejects(openTls(other.server.port), { code: 'ECONNREFUSED' });
      assert.equal((await answer).status, 200);
      await ended;
      await closed;
    });
  });
});
