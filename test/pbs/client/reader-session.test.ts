import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { SlabPool } from '../../../src/memory/slab-pool.ts';
import { IntegrityError, KnownError, ServerError, UsageError } from '../../../src/model/errors.ts';
import { Secret } from '../../../src/model/secret.ts';
import { connectReader, type ReaderOptions, type ReaderSession } from '../../../src/pbs/client/reader-session.ts';
import { encodeManifest, parseManifest } from '../../../src/pbs/format/manifest.ts';
import { transportNames, type TransportName } from '../../../src/model/transport.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import type { ClientTransport } from '../../../src/pbs/transport/transport.ts';
import { MiB } from '../../../src/model/units.ts';
import { CSRF_TOKEN, PASSWORD, startStubServer, TICKET, USER, type StubServer } from './stub-server.ts';

const golden = new URL('../../fixtures/golden/', import.meta.url);
const snapshot = 'vm/100/2026-02-16T16:30:44Z';
const archive = 'drive-scsi0.img.fidx';
const DIGEST = 'a'.repeat(64);
const clock = monotonicClock();
const { signal } = new AbortController();

const optionsFor = ({ port, fingerprint }: StubServer, more: Partial<ReaderOptions> = {}): ReaderOptions => ({
  host: '127.0.0.1',
  port,
  fingerprint,
  credentials: { authId: USER, secret: new Secret(PASSWORD) },
  store: 'golden',
  snapshot,
  clock,
  signal,
  ...more,
});

const connect = async (server: StubServer, more?: Partial<ReaderOptions>): Promise<ReaderSession> =>
  await connectReader(optionsFor(server, more));

/** Serves the files of a golden snapshot, or others instead. */
function serveGolden(
  replaced: Readonly<Record<string, Uint8Array>> = {},
  from = snapshot,
): (stream: ServerHttp2Stream, path: string) => void {
  return (stream, path) => {
    const { pathname, searchParams } = new URL(path, 'https://localhost');
    const name = pathname === '/chunk' ? searchParams.get('digest')! : searchParams.get('file-name')!;
    const file = new URL(
      pathname === '/chunk' ? `store/.chunks/${name.slice(0, 4)}/${name}` : `store/${from}/${name}`,
      golden,
    );
    void (async () => {
      const body = replaced[name] ?? (await readFile(file));
      stream.respond({ ':status': 200, ...(pathname === '/chunk' ? { 'content-length': body.length } : {}) });
      stream.end(body);
    })().catch((error: Error) => {
      stream.respond({ ':status': 400 });
      stream.end(`reading file "${file.pathname}" failed: No such file or directory (os error 2) ${error.name}`);
    });
  };
}

const codeOf =
  (code: string, ...texts: readonly (string | RegExp)[]) =>
  (error: unknown) => {
    assert.ok(error instanceof KnownError, String(error));
    assert.equal(error.code, code, error.message);
    for (const text of texts)
      assert.ok(typeof text === 'string' ? error.message.includes(text) : text.test(error.message), error.message);
    for (const secret of [PASSWORD, TICKET, CSRF_TOKEN]) {
      assert.ok(!`${error.message} ${error.hint} ${error.stack}`.includes(secret), 'a secret is in the text');
    }
    return true;
  };

test('login and upgrade go over one connection, with the heads of a real client', async () => {
  await using server = await startStubServer();
  await using _ = await connect(server, { namespace: 'a/b' });
  assert.deepEqual(
    server.requests.map(({ connection, head, body }) => ({ connection, head: head.split('\r\n'), body })),
    [
      {
        connection: 0,
        head: [
          'POST //api2/json/access/ticket HTTP/1.1',
          'user-agent: restorelab',
          'content-type: application/json',
          `host: 127.0.0.1:${server.port}`,
          'content-length: 63',
        ],
        body: JSON.stringify({ password: PASSWORD, username: USER }),
      },
      {
        connection: 0,
        head: [
          'GET //api2/json/reader?backup-id=100&backup-time=1771259444&backup-type=vm&ns=a%2Fb&store=golden HTTP/1.1',
          'user-agent: restorelab',
          'content-type: application/x-www-form-urlencoded',
          `cookie: PBSAuthCookie=${TICKET}`,
          `csrfpreventiontoken: ${CSRF_TOKEN}`,
          'connection: upgrade',
          'upgrade: proxmox-backup-reader-protocol-v1',
          `host: 127.0.0.1:${server.port}`,
        ],
        body: '',
      },
    ],
  );
  const [socket] = server.sockets;
  assert.equal(socket?.alpnProtocol, false);
  assert.equal((socket as unknown as { servername: unknown }).servername, false, 'an address has no server name');
});

test('the windows and frames that a real client announces', async () => {
  await using server = await startStubServer({ serve: serveGolden() });
  await using session = await connect(server);
  await session.downloadManifest();
  const [peer] = server.sessions;
  assert.equal(peer?.remoteSettings.initialWindowSize, 2_147_483_646);
  assert.equal(peer?.remoteSettings.maxFrameSize, 4_194_304);
  assert.ok((peer?.state.remoteWindowSize ?? 0) > 2_147_000_000);
});

test('the windows and frames that the caller asks for', async () => {
  await using server = await startStubServer({ serve: serveGolden() });
  const settings = { initialWindowSize: 1_000_000, connectionWindowSize: 3_000_000, maxFrameSize: 20_000 };
  await using session = await connect(server, { settings });
  await session.downloadManifest();
  const [peer] = server.sessions;
  assert.equal(peer?.remoteSettings.initialWindowSize, 1_000_000);
  assert.equal(peer?.remoteSettings.maxFrameSize, 20_000);
  const { remoteWindowSize = 0 } = peer?.state ?? {};
  assert.ok(remoteWindowSize > 2_900_000 && remoteWindowSize <= 3_000_000);
});

test('a golden image comes through, chunk by chunk and 16 at a time', async () => {
  await using server = await startStubServer({ serve: serveGolden() });
  await using session = await connect(server, { connection: 3 });
  assert.ok('unavailable' in session.peakWindowUtilization());
  const { index, warnings } = await session.downloadFixedIndex('drive-scsi0.img');
  assert.deepEqual(warnings, []);
  const digests = [...new Set([...index.slots()].map(({ digest }) => digest))];
  const beforeMs = clock.now();
  const chunks = await Promise.all([...digests, ...digests].map(async (digest) => await session.fetch(digest, signal)));
  const afterMs = clock.now();
  for (const { digest, bytes, encodedBytes, timing } of chunks) {
    const stored = await readFile(new URL(`store/.chunks/${digest.slice(0, 4)}/${digest}`, golden));
    assert.ok(stored.equals(bytes), digest);
    assert.equal(encodedBytes, stored.length);
    assert.equal(bytes.byteOffset, 0);
    const { requestSentMs, firstByteMs, lastByteMs, connection } = timing;
    assert.equal(connection, 3);
    assert.ok(beforeMs <= requestSentMs && requestSentMs <= firstByteMs);
    assert.ok(firstByteMs <= lastByteMs && lastByteMs <= afterMs);
  }
  assert.equal(new Set(chunks.map(({ bytes }) => bytes.buffer)).size, chunks.length, 'each has a buffer of its own');
  const peak = session.peakWindowUtilization();
  assert.ok('value' in peak && peak.value > 0 && peak.value < 1);
});

test('memory that was given back is used again, and only then', async () => {
  const body = Buffer.alloc(1000, 1);
  await using server = await startStubServer({
    serve: (stream, path) => {
      stream.respond({ ':status': 200, 'content-length': path.endsWith('f') ? 2000 : body.length });
      stream.end(body);
    },
  });
  await using session = await connect(server);
  const first = await session.fetch(DIGEST, signal);
  const second = await session.fetch(DIGEST, signal);
  assert.notEqual(first.bytes.buffer, second.bytes.buffer);
  first.memory.giveBack();
  const third = await session.fetch(DIGEST, signal);
  assert.equal(first.bytes.buffer, third.bytes.buffer);
  third.memory.giveBack();
  await assert.rejects(session.fetch('f'.repeat(64), signal), codeOf('response-truncated'));
  const fourth = await session.fetch(DIGEST, signal);
  assert.equal(first.bytes.buffer, fourth.bytes.buffer, 'a fetch that failed gives its memory back');
});

test('several sessions at once do not disturb one another', async () => {
  await using server = await startStubServer({ serve: serveGolden() });
  const sessions = await Promise.all([0, 1, 2].map(async (connection) => await connect(server, { connection })));
  const [first, second, third] = sessions;
  const images = await Promise.all(sessions.map(async (session) => await session.downloadFixedIndex(archive)));
  assert.equal(new Set(images.map(({ index }) => index.csum)).size, 1);
  const digest = images[0]!.index.digestAt(0);
  await first![Symbol.asyncDispose]();
  await assert.rejects(first!.fetch(digest, signal), codeOf('connection-lost'));
  assert.ok((await second!.fetch(digest, signal)).encodedBytes > 12);
  await second![Symbol.asyncDispose]();
  assert.ok((await third!.fetch(digest, signal)).encodedBytes > 12);
  await third![Symbol.asyncDispose]();
});

test('a fetch that is aborted in the middle resets its stream, and the others go on', async () => {
  const streams: ServerHttp2Stream[] = [];
  await using server = await startStubServer({
    serve: (stream) => {
      streams.push(stream);
      stream.respond({ ':status': 200, 'content-length': 100_000 });
      stream.write(Buffer.alloc(50_000, streams.length));
    },
  });
  await using session = await connect(server);
  const controllers = [new AbortController(), new AbortController()];
  const fetches = controllers.map(async (controller) => await session.fetch(DIGEST, controller.signal));
  while (streams.length < 2) await new Promise(setImmediate);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const reason = new Error('not needed any more');
  const reset = once(streams[0]!, 'close');
  controllers[0]!.abort(reason);
  await assert.rejects(fetches[0]!, (error) => error === reason);
  await reset;
  assert.equal(streams[0]!.rstCode, 8, 'CANCEL');
  streams[1]!.end(Buffer.alloc(50_000, 2));
  const { bytes } = await fetches[1]!;
  assert.ok(bytes.every((byte) => byte === 2));
  await assert.rejects(session.fetch(DIGEST, AbortSignal.abort(reason)), (error) => error === reason);
});

test('a missing chunk is damage, and named', async () => {
  await using server = await startStubServer({ serve: serveGolden() });
  await using session = await connect(server);
  await assert.rejects(
    session.fetch(DIGEST, signal),
    (error) => error instanceof IntegrityError && codeOf('chunk-missing', DIGEST)(error),
  );
});

const answers: readonly (readonly [
  name: string,
  serve: (stream: ServerHttp2Stream) => void,
  code: string | Readonly<Record<TransportName, string>>,
  ...texts: (string | RegExp)[],
])[] = [
  [
    'a refusal',
    (stream) => {
      stream.respond({ ':status': 401 });
      stream.end(`download chunk ${DIGEST} not allowed ${PASSWORD}`);
    },
    'chunk-refused',
    DIGEST,
    'not allowed ***',
  ],
  [
    'an announced length beyond any blob',
    (stream) => {
      stream.respond({ ':status': 200, 'content-length': 16 * 1024 * 1024 + 45 });
      stream.end('x');
    },
    'response-too-long',
    DIGEST,
  ],
  [
    'no length',
    (stream) => {
      stream.respond({ ':status': 200 });
      stream.end('x');
    },
    'response-malformed',
    DIGEST,
  ],
  [
    'a body that is too short',
    (stream) => {
      stream.respond({ ':status': 200, 'content-length': 1000 });
      stream.end(Buffer.alloc(999));
    },
    'response-truncated',
    DIGEST,
    /1000 bytes announced, 999 arrived/u,
  ],
  [
    'a body that is too long',
    (stream) => {
      stream.respond({ ':status': 200, 'content-length': 1000 });
      stream.end(Buffer.alloc(1001));
    },
    // nghttp2 ends the connection for it, RFC 9113 section 8.1.1 asks for no more than the stream.
    { h2: 'response-truncated', 'node:http2': 'connection-lost' },
    /Protocol error|1000 bytes announced, 1001 arrived/u,
  ],
  [
    'a stream that is reset',
    (stream) => {
      stream.respond({ ':status': 200, 'content-length': 1000 });
      stream.write(Buffer.alloc(10), () => stream.destroy(new Error('damaged')));
    },
    'stream-reset',
    DIGEST,
    /error (2|INTERNAL_ERROR)/u,
  ],
  [
    'a lost connection',
    (stream) => {
      stream.respond({ ':status': 200, 'content-length': 1000 });
      stream.write(Buffer.alloc(10), () => stream.session?.socket.destroy());
    },
    'connection-lost',
  ],
];
for (const [name, serve, codes, ...texts] of answers) {
  for (const transport of transportNames)
    test(`${name} in answer to a fetch over ${transport} is told, and not left hanging`, async () => {
      const code = typeof codes === 'string' ? codes : codes[transport];
      await using server = await startStubServer({ serve });
      await using session = await connect(server, { transport: transports[transport].client });
      const [first, second] = await Promise.allSettled([session.fetch(DIGEST, signal), session.fetch(DIGEST, signal)]);
      for (const outcome of [first, second]) {
        assert.equal(outcome.status, 'rejected');
        codeOf(code, ...texts)(outcome.reason);
      }
    });
}

test('a file that breaks off with the connection is not taken for a whole one', async () => {
  await using server = await startStubServer({
    serve: (stream) => {
      stream.respond({ ':status': 200 });
      stream.write(Buffer.alloc(10), () => stream.session?.socket.destroy());
    },
  });
  await using session = await connect(server);
  await assert.rejects(session.downloadManifest(), codeOf('connection-lost'));
});

test('an empty chunk is handed on; only its decoder can tell', async () => {
  await using server = await startStubServer({
    serve: (stream) => {
      stream.respond({ ':status': 200, 'content-length': 0 }, { endStream: true });
    },
  });
  await using session = await connect(server);
  const { encodedBytes, timing } = await session.fetch(DIGEST, signal);
  assert.equal(encodedBytes, 0);
  assert.ok(timing.lastByteMs >= timing.firstByteMs && timing.firstByteMs > 0);
});

test('a server that falls silent is given up, with what waits', async () => {
  await using server = await startStubServer({ serve: () => {} });
  await using session = await connect(server, { timeouts: { stallMs: 80 } });
  const outcomes = await Promise.allSettled([session.fetch(DIGEST, signal), session.fetch(DIGEST, signal)]);
  for (const outcome of outcomes) {
    assert.equal(outcome.status, 'rejected');
    codeOf('stalled', '127.0.0.1')(outcome.reason);
  }
});

test('a slow answer is no stall while bytes arrive', async () => {
  await using server = await startStubServer({
    serve: (stream) => {
      const piece = Buffer.alloc(1000);
      stream.respond({ ':status': 200, 'content-length': 10 * piece.length });
      let sent = 0;
      // In all longer than the time after which silence is a stall.
      const timer = setInterval(() => {
        stream.write(piece);
        sent += 1;
        if (sent === 10) {
          clearInterval(timer);
          stream.end();
        }
      }, 250);
    },
  });
  await using session = await connect(server, { timeouts: { stallMs: 2000, stallBytes: 1000 } });
  assert.equal((await session.fetch(DIGEST, signal)).encodedBytes, 10_000);
});

test('a signed manifest without its key is told to the caller', async () => {
  const signed = 'vm/300/2026-02-13T18:26:40Z';
  await using server = await startStubServer({ serve: serveGolden({}, signed) });
  await using session = await connect(server, { snapshot: signed });
  const { warnings } = await session.downloadFixedIndex(archive);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /signature was not verified/u);
});

test('what cannot be restored is refused before any chunk', async () => {
  await using server = await startStubServer({ serve: serveGolden() });
  await using session = await connect(server);
  await assert.rejects(
    session.downloadFixedIndex('drive-scsi9.img'),
    (error) => error instanceof UsageError && codeOf('archive-not-found', 'drive-scsi9')(error),
  );
  await assert.rejects(session.downloadFixedIndex('qemu-server.conf'), codeOf('archive-not-image'));
  await assert.rejects(session.downloadFixedIndex('../etc/passwd'), codeOf('archive-name'));

  const encrypted = 'vm/200/2026-02-13T17:26:40Z';
  await using other = await startStubServer({ serve: serveGolden({}, encrypted) });
  await using closed = await connect(other, { snapshot: encrypted });
  await assert.rejects(closed.downloadFixedIndex(archive), codeOf('key-missing', '81:f7:a2:af'));
});

test('an index that is not the one of the manifest is damage', async () => {
  const manifest = parseManifest(await readFile(new URL(`store/${snapshot}/index.json.blob`, golden)));
  const withFile = (change: object): Uint8Array =>
    encodeManifest({
      ...manifest,
      files: manifest.files.map((file) => (file.filename === archive ? Object.assign({}, file, change) : file)),
    });
  for (const [change, code] of [
    [{ csum: '0'.repeat(64) }, 'manifest-csum'],
    [{ size: 4096 }, 'manifest-size'],
  ] as const) {
    await using server = await startStubServer({ serve: serveGolden({ 'index.json.blob': withFile(change) }) });
    await using session = await connect(server);
    await assert.rejects(
      session.downloadFixedIndex(archive),
      (error) => error instanceof IntegrityError && codeOf(code)(error),
    );
  }
  const index = await readFile(new URL(`store/${snapshot}/${archive}`, golden));
  index[4100] = index[4100]! ^ 1;
  await using server = await startStubServer({ serve: serveGolden({ [archive]: index }) });
  await using session = await connect(server);
  await assert.rejects(session.downloadFixedIndex(archive), codeOf('index-csum'));
});

test('a file that the server refuses is told with its words', async () => {
  await using server = await startStubServer({ serve: serveGolden({}, 'vm/100/2001-01-01T00:00:00Z') });
  await using session = await connect(server);
  await assert.rejects(session.downloadManifest(), codeOf('snapshot-unfinished', 'index.json.blob', 'No such file'));
});

test('the speed test reads what the server sends', async () => {
  await using server = await startStubServer({
    serve: (stream) => {
      stream.respond({ ':status': 200 });
      stream.end(Buffer.alloc(1 << 20, 65));
    },
  });
  await using session = await connect(server);
  let bytes = 0;
  await session.speedtest(undefined, (piece) => (bytes += piece));
  assert.equal(bytes, 1 << 20);
});

test('a wrong certificate is refused before anything is sent, and both fingerprints are printed', async () => {
  await using server = await startStubServer();
  const expected = Array.from({ length: 32 }, () => 'ab').join(':');
  await assert.rejects(
    connect(server, { fingerprint: expected.toUpperCase() }),
    (error) => error instanceof ServerError && codeOf('fingerprint-mismatch', expected, server.fingerprint)(error),
  );
  assert.deepEqual(server.requests, []);
  await using _ = await connect(server, { fingerprint: server.fingerprint.toUpperCase() });
});

test('failures of login are told without the password, even if the server echoes it', async () => {
  const refusals: readonly (readonly [answer: { status: number; body: string }, code: string])[] = [
    [{ status: 401, body: 'permission check failed.' }, 'authentication-failed'],
    [{ status: 401, body: `no: {"password":"${PASSWORD}"} ${JSON.stringify(PASSWORD)}` }, 'authentication-failed'],
    [{ status: 500, body: PASSWORD }, 'login-refused'],
    [{ status: 200, body: `{"data":{"ticket":"${TICKET}"}}` }, 'response-malformed'],
    [
      { status: 200, body: `{"data":{"ticket":"${TICKET}","CSRFPreventionToken":"a\\r\\nb: c"}}` },
      'response-malformed',
    ],
    [{ status: 200, body: TICKET }, 'response-malformed'],
    [
      { status: 200, body: '{"data":{"ticket":"PBS:!tfa!x","CSRFPreventionToken":"invalid"}}' },
      'authentication-failed',
    ],
  ];
  for (const [answer, code] of refusals) {
    await using server = await startStubServer({ login: () => answer });
    await assert.rejects(connect(server), codeOf(code));
  }
});

test('refusals of the upgrade are told with the words of the server', async () => {
  const refusals: readonly (readonly [
    status: number,
    body: string,
    kind: typeof KnownError,
    code: string,
    text: string,
  ])[] = [
    [400, `snapshot ${snapshot} does not exist.`, UsageError, 'snapshot-not-found', snapshot],
    [400, "no such datastore 'golden'", UsageError, 'datastore-not-found', 'golden'],
    [401, 'authentication failed', ServerError, 'authentication-failed', 'authentication failed'],
    [403, 'permission check failed', ServerError, 'permission-denied', 'permission check failed'],
    [
      400,
      `locked\n by ${TICKET} and ${CSRF_TOKEN} \u001b[31m`,
      ServerError,
      'upgrade-refused',
      'locked by *** and *** [31m',
    ],
  ];
  for (const [status, body, kind, code, text] of refusals) {
    await using server = await startStubServer({ refuse: () => ({ status, body }) });
    await assert.rejects(connect(server), (error) => error instanceof kind && codeOf(code, text)(error));
  }
});

test('a port where nobody listens, or something else does', async () => {
  const plain = createServer((socket) =>
    socket
      .on('error', () => {})
      .resume()
      .end('220 mail ready\r\n'),
  );
  plain.listen(0, '127.0.0.1');
  await once(plain, 'listening');
  const { port } = plain.address() as { port: number };
  const base = {
    host: '127.0.0.1',
    port,
    fingerprint: 'ab'.repeat(32),
    credentials: { authId: USER, secret: new Secret(PASSWORD) },
    store: 's',
    snapshot,
    clock,
    signal,
  };
  await assert.rejects(connectReader(base), codeOf('tls-failed', `127.0.0.1:${port}`));
  plain.close();
  await once(plain, 'close');
  await assert.rejects(
    connectReader(base),
    (error) => error instanceof ServerError && codeOf('server-unreachable', `127.0.0.1:${port}`)(error),
  );
  await assert.rejects(connectReader({ ...base, host: '::1' }), codeOf('server-unreachable', `[::1]:${port}`));
  await assert.rejects(connectReader({ ...base, snapshot: 'vm/100' }), codeOf('backup-time'));
});

test('a server that says nothing, too much or goes away during login', async () => {
  const cases: readonly (readonly [onData: (socket: TLSSocket) => void, code: string])[] = [
    [() => {}, 'stalled'],
    [(socket) => socket.destroy(), 'connection-lost'],
    [(socket) => void socket.write('SSH-2.0-OpenSSH\r\n\r\n'), 'response-malformed'],
    [(socket) => void socket.write('x'.repeat(20_000)), 'response-malformed'],
    [(socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1e9\r\n\r\n'), 'response-malformed'],
    [(socket) => void socket.end(`HTTP/1.1 401 No\r\n\r\nno length`), 'authentication-failed'],
  ];
  for (const [onData, code] of cases) {
    await using server = await startStubServer({
      onConnection: (socket) => void socket.once('data', () => onData(socket)),
    });
    await assert.rejects(connect(server, code === 'stalled' ? { timeouts: { answerMs: 150 } } : {}), codeOf(code));
  }
});

test('connecting can be broken off, and leaves no connection', async () => {
  const controller = new AbortController();
  await using server = await startStubServer({
    onConnection: (socket) => void socket.once('data', () => controller.abort(new Error('enough'))),
  });
  await assert.rejects(connect(server, { signal: controller.signal }), /enough/u);
  const [socket] = server.sockets;
  if (socket?.destroyed === false) await once(socket, 'close');
  await assert.rejects(connect(server, { signal: controller.signal }), /enough/u);
});

test('a transport that reads into its own memory gets what came behind the upgrade', async () => {
  const frames = Buffer.from('000000040000000000', 'hex');
  await using server = await startStubServer({
    onConnection: (socket) => {
      socket.once('data', () => {
        const body = JSON.stringify({ data: { ticket: TICKET, CSRFPreventionToken: CSRF_TOKEN } });
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
        socket.once('data', () => {
          socket.write(Buffer.concat([Buffer.from('HTTP/1.1 101 Switching Protocols\r\n\r\n'), frames]));
        });
      });
    },
  });
  let head: Uint8Array | undefined;
  let closed = 0;
  const takeOver: ClientTransport['connect'] = (socket, options) => {
    head = options.head;
    assert.equal(options.settings.connectionWindowSize, 2_147_483_646);
    return {
      request: async () => await Promise.reject(new Error('unused')),
      localWindow: { sizeBytes: 1, unacknowledgedBytes: 0 },
      ping: async () => {},
      close: () => {
        closed += 1;
        socket.destroy();
      },
      closed: Promise.resolve(undefined),
    };
  };
  const transport: ClientTransport = {
    name: 'own',
    prepareSocket: (receive) => {
      const buffer = new Uint8Array(64 * 1024);
      return {
        onread: {
          buffer,
          callback: (length) => {
            receive(buffer.subarray(0, length));
            buffer.fill(0);
            return true;
          },
        },
        connect: takeOver,
      };
    },
    connect: takeOver,
  };
  {
    await using _ = await connect(server, { transport });
    assert.deepEqual(Buffer.from(head!), frames);
  }
  assert.equal(closed, 1);
});

for (const name of transportNames) {
  /** Its socket, to see what is read. */
  const watched = (sockets: TLSSocket[]): ClientTransport => {
    const { client } = transports[name];
    const connectWith =
      (inner: Pick<ClientTransport, 'connect'>): ClientTransport['connect'] =>
      (socket, options) => {
        sockets.push(socket as TLSSocket);
        return inner.connect(socket, options);
      };
    const { prepareSocket } = client;
    return {
      name,
      connect: connectWith(client),
      ...(prepareSocket === undefined
        ? {}
        : {
            prepareSocket: (receive) => {
              const prepared = prepareSocket(receive);
              return { ...prepared, connect: connectWith(prepared) };
            },
          }),
    };
  };
  const untilStill = async (socket: TLSSocket): Promise<number> => {
    for (let seen = -1; ;) {
      if (seen === socket.bytesRead) return seen;
      seen = socket.bytesRead;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  test(`${name}: memory that is used up stops the reading from the socket until there is some again`, async () => {
    // More than the buffers of sockets take, so that what is not read shows.
    const body = Buffer.alloc(14 * MiB, 1);
    const answer = (stream: ServerHttp2Stream, bytes: Buffer): void => {
      stream.respond({ ':status': 200, 'content-length': bytes.length });
      stream.end(bytes);
    };
    await using server = await startStubServer({
      serve: (stream, path) => answer(stream, path.endsWith('f') ? body : body.subarray(0, 1000)),
    });
    const memory = new SlabPool({ limit: 2 });
    const sockets: TLSSocket[] = [];
    await using session = await connect(server, { memory, transport: watched(sockets) });
    const socket = sockets[0]!;
    const held = [await session.fetch(DIGEST, signal), await session.fetch(DIGEST, signal)];
    const before = socket.bytesRead;
    const large = session.fetch('f'.repeat(64), signal);
    const small = session.fetch(DIGEST, signal);
    const givenUp = new AbortController();
    const dropped = assert.rejects(session.fetch('f'.repeat(64), givenUp.signal), /enough/u);
    const read = (await untilStill(socket)) - before;
    assert.ok(read < MiB, `${read} bytes were read without memory`);
    givenUp.abort(new Error('enough'));
    await dropped;
    // One for each fetch that is under way: their answers come mixed.
    for (const { memory: loan } of held) loan.giveBack();
    assert.equal((await large).encodedBytes, body.length);
    assert.equal((await small).encodedBytes, 1000);
    (await large).memory.giveBack();
    (await small).memory.giveBack();
    assert.deepEqual([memory.lent, memory.free], [0, 2]);
    const [again, more] = await Promise.all([session.fetch(DIGEST, signal), session.fetch(DIGEST, signal)]);
    assert.notEqual(again.bytes.buffer, more.bytes.buffer);
  });

  test(`${name}: a session that is closed while a fetch waits for memory leaves none lent`, async () => {
    await using server = await startStubServer({
      serve: (stream) => {
        stream.respond({ ':status': 200, 'content-length': 1000 });
        stream.end(Buffer.alloc(1000));
      },
    });
    const memory = new SlabPool({ limit: 1 });
    const session = await connect(server, { memory, transport: transports[name].client });
    const held = await session.fetch(DIGEST, signal);
    const waiting = assert.rejects(session.fetch(DIGEST, signal), codeOf('connection-lost'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await session[Symbol.asyncDispose]();
    await waiting;
    assert.equal(memory.lent, 1);
    held.memory.giveBack();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([memory.lent, memory.free], [0, 1], 'what came too late went back at once');
  });
}
