import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import type { ClientHttp2Session } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { monotonicClock, monotonicNow } from '../../../src/clock/monotonic.ts';
import { startEmbeddedServer, type RunningServer } from '../../../src/pbs/server/start-embedded-server.ts';
import {
  exchange,
  fetchH2,
  field,
  getText,
  logIn,
  openTls,
  postText,
  startHttp2,
  upgradeHeaders,
  type RawAnswer,
} from './raw-client.ts';

const golden = fileURLToPath(new URL('../../fixtures/golden/store', import.meta.url));
const userId = 'bench@pbs';
const secret = 'pass word%';
const penaltyMs = 40;
const json = 'application/json;charset=UTF-8';

const vm100 = 'backup-id=100&backup-time=1771259444&backup-type=vm';
const readerTarget = `//api2/json/reader?${vm100}&debug=true&store=golden`;
const incompressible = 'd7ce222312aea8d9ff9deeaa0e718a93a49f86975de8ec1b2adb560312d73992';

const chunkFile = (digest: string, store = golden): string => join(store, '.chunks', digest.slice(0, 4), digest);

/** Digests of a golden fixed index, each once. */
function digestsOf(archive: string): string[] {
  const bytes = readFileSync(join(golden, archive));
  const digests = new Set<string>();
  for (let entry = 4096; entry < bytes.length; entry += 32) digests.add(bytes.toString('hex', entry, entry + 32));
  return [...digests];
}

let folder: string;
let server: RunningServer;
/** A ticket of the account, for tests that are not about the login. */
let ticket: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'restorelab-server-'));
  server = await startEmbeddedServer({ clock: monotonicClock(), penaltyMs, userId, secret, certificateFolder: folder });
  server.mount({ store: 'golden', path: golden });
  ticket = await withTls((socket) => logIn(socket, userId, secret));
});

after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function withTls<T>(use: (socket: Awaited<ReturnType<typeof openTls>>) => Promise<T>): Promise<T> {
  const socket = await openTls(server.port);
  try {
    return await use(socket);
  } finally {
    socket.destroy();
  }
}

/** Unlike `once`, does not reject when the connection is reset. */
const closeOf = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

/** One request on a connection of its own. */
const ask = async (request: string): Promise<RawAnswer> => await withTls((socket) => exchange(socket, request));

const withTicket = (target: string): string => getText(target, { cookie: `PBSAuthCookie=${ticket}` });

async function openReader(target: string = readerTarget): Promise<ClientHttp2Session> {
  const socket = await openTls(server.port);
  const answer = await exchange(socket, getText(target, upgradeHeaders(ticket)));
  assert.equal(answer.status, 101, answer.body);
  return startHttp2(socket);
}

async function withReader(use: (session: ClientHttp2Session) => Promise<void>, target?: string): Promise<void> {
  const session = await openReader(target);
  try {
    await use(session);
  } finally {
    session.destroy();
  }
}

describe('login', () => {
  const login = (fields: object): Promise<RawAnswer> =>
    ask(postText('//api2/json/access/ticket', 'application/json', JSON.stringify(fields)));

  it('gives a ticket for the password, as JSON and as form', async () => {
    const form = new URLSearchParams({ username: userId, password: secret }).toString();
    for (const request of [
      postText('/api2/json/access/ticket', 'application/json', JSON.stringify({ username: userId, password: secret })),
      postText('/api2/json/access/ticket', 'application/x-www-form-urlencoded; charset=utf-8', form),
    ]) {
      const answer = await ask(request);
      assert.equal(answer.status, 200);
      assert.deepEqual(
        answer.headers.map(([name]) => name),
        ['content-type', 'content-length', 'date'],
      );
      assert.equal(field(answer, 'content-type'), 'application/json');
      const { data, success, status } = JSON.parse(answer.body) as {
        data: Record<string, string>;
        success: boolean;
        status: number;
      };
      assert.deepEqual(
        [Object.keys(data), success, status],
        [['CSRFPreventionToken', 'ticket', 'username'], true, 200],
      );
      assert.match(data['ticket'] ?? '', /^PBS:bench@pbs:[0-9A-F]{8}::[A-Za-z0-9+/]+$/u);
    }
  });

  it('takes a ticket as password', async () => {
    assert.equal((await login({ username: userId, password: ticket })).status, 200);
  });

  it('refuses wrong credentials after the penalty', async () => {
    for (const [username, password] of [
      [userId, 'wrong'],
      ['other@pbs', secret],
      [userId, `${ticket}x`],
    ]) {
      const start = monotonicNow();
      const answer = await login({ username, password });
      assert.ok(monotonicNow() - start >= penaltyMs);
      assert.deepEqual([answer.status, answer.body], [401, 'permission check failed.']);
      assert.deepEqual(
        answer.headers.map(([name]) => name),
        ['content-type', 'set-cookie', 'content-length', 'date'],
      );
      assert.equal(field(answer, 'content-type'), json);
    }
  });

  it('says what is wrong with a body', async () => {
    const texts = {
      [postText('/api2/json/access/ticket', 'text/plain', 'x')]: 'unsupported content type Ok("text/plain")',
      [postText('/api2/json/access/ticket', 'application/json', JSON.stringify({ username: userId }))]:
        'no password provided',
      [postText('/api2/json/access/ticket', 'application/json', '{')]: 'unable to parse the JSON of the request body',
      [postText('/api2/json/access/ticket', 'application/json', '{"username":"a@b","password":"x","y":1}')]:
        "parameter verification failed - 'y': schema does not allow additional properties.",
      [postText('/api2/json/access/ticket', 'application/json', '{"password":"x"}')]:
        "parameter verification failed - 'username': parameter is missing and it is not optional.",
    };
    for (const [request, text] of Object.entries(texts)) {
      const answer = await ask(request);
      assert.deepEqual([answer.status, answer.body, field(answer, 'content-type')], [400, text, json]);
    }
  });

  it('does not read a body without end', async () => {
    const answer = await ask(postText('/api2/json/access/ticket', 'application/json', 'x'.repeat(600_000)));
    assert.deepEqual([answer.status, answer.body], [400, 'request body too large']);
  });
});

describe('the public API', () => {
  it('knows ping without and version with a ticket, under either cookie name, encoded or not', async () => {
    assert.equal((await ask(getText('/api2/json/ping'))).body, '{"data":{"pong":true}}');
    for (const cookie of [
      `PBSAuthCookie=${ticket}`,
      `__Host-PBSAuthCookie=${encodeURIComponent(ticket)}`,
      `a=b; PBSAuthCookie=${ticket}`,
      `PBSAuthCookie=nonsense; __Host-PBSAuthCookie=${ticket}`,
    ]) {
      const answer = await ask(getText('/api2/json//version?', { cookie }));
      assert.equal(answer.status, 200, cookie);
      assert.equal((JSON.parse(answer.body) as { data: { version: string } }).data.version, '4.2');
    }
  });

  it('answers 401 without valid credentials, after the penalty and without a content type', async () => {
    for (const headers of [
      {},
      { cookie: `x; PBSAuthCookie=${ticket}` },
      { cookie: 'PBSAuthCookie=PBS:bench@pbs:00000000::x' },
      { authorization: `PBSAPIToken=${userId}:${secret}` },
    ]) {
      const start = monotonicNow();
      const answer = await ask(getText('/api2/json/version', headers));
      assert.ok(monotonicNow() - start >= penaltyMs);
      assert.deepEqual(
        [answer.status, answer.body, field(answer, 'content-type')],
        [401, 'authentication failed', undefined],
      );
    }
  });

  it('answers 404, 414 and illegal paths as the real server does', async () => {
    const missing = await ask(withTicket('//api2/json/nope'));
    assert.deepEqual(
      [missing.status, missing.body, field(missing, 'content-type')],
      [404, "Path '/api2/json/nope' not found.", json],
    );
    const long = await ask(withTicket(`/api2/json/version?x=${'y'.repeat(3100)}`));
    assert.deepEqual([long.status, long.body, field(long, 'content-type')], [414, '', undefined]);
    assert.equal((await ask(withTicket('/api2/json/../x'))).status, 400);
  });

  it('keeps the connection for more requests', async () => {
    await withTls(async (socket) => {
      assert.equal((await exchange(socket, getText('/api2/json/ping'))).status, 200);
      assert.equal((await exchange(socket, getText('/api2/json/nope', upgradeHeaders(ticket)))).status, 404);
      assert.equal((await exchange(socket, getText('/api2/json/ping'))).status, 200);
    });
  });
});

describe('API tokens', () => {
  it('are taken with = or one space, the secret percent-decoded', async () => {
    await using other = await startEmbeddedServer({
      clock: monotonicClock(),
      penaltyMs: 1,
      userId: 'bench@pbs!t1',
      secret: 'a-b',
      certificateFolder: folder,
    });
    const status = async (authorization: string): Promise<number> => {
      const socket = await openTls(other.port);
      const answer = await exchange(socket, getText('/api2/json/version', { authorization }));
      socket.destroy();
      return answer.status;
    };
    assert.equal(other.fingerprint, server.fingerprint);
    assert.equal(await status('PBSAPIToken=bench@pbs!t1:a-b'), 200);
    assert.equal(await status('PBSAPIToken bench@pbs!t1:a%2db'), 200);
    for (const wrong of [
      'PBSAPIToken=bench@pbs!t1=a-b',
      'PBSAPIToken:bench@pbs!t1:a-b',
      'PBSAPIToken  bench@pbs!t1:a-b',
      'PBSAPIToken= bench@pbs!t1:a-b',
      'pbsapitoken=bench@pbs!t1:a-b',
      'PBSAPIToken=bench@pbs%21t1:a-b',
      'Bearer a-b',
    ]) {
      assert.equal(await status(wrong), 401, wrong);
    }
  });
});

describe('the upgrade', () => {
  const upgrade = async (target: string, headers: Readonly<Record<string, string>> = {}): Promise<RawAnswer> =>
    await ask(getText(target, { ...upgradeHeaders(ticket), ...headers }));

  it('answers 101 with the headers of the real server', async () => {
    for (const extra of ['&debug=1', '&ns=', '']) {
      const answer = await upgrade(`/api2/json/reader?${vm100}&store=golden${extra}`);
      assert.equal(answer.status, 101);
      assert.deepEqual(
        answer.headers.map(([name]) => name),
        ['connection', 'upgrade', 'date'],
      );
      assert.equal(field(answer, 'upgrade'), 'proxmox-backup-reader-protocol-v1');
    }
  });

  it('refuses what the real server refuses, in its words', async () => {
    const reader = '/api2/json/reader?';
    const texts: readonly (readonly [target: string, text: string])[] = [
      [`${reader}${vm100}&store=nope`, "no such datastore 'nope'"],
      [
        `${reader}backup-id=100&backup-time=1577836800&backup-type=vm&store=golden`,
        'snapshot vm/100/2020-01-01T00:00:00Z does not exist.',
      ],
      [`${reader}${vm100}&store=golden&ns=a/b`, 'snapshot vm/100/2026-02-16T16:30:44Z does not exist.'],
      [
        `${reader}${vm100}&store=golden&benchmark=false`,
        "parameter verification failed - 'benchmark': schema does not allow additional properties.",
      ],
      [`${reader}${vm100}&store=golden&store=golden`, "parameter verification failed - 'store': duplicate parameter."],
      [`${reader}${vm100}`, "parameter verification failed - 'store': parameter is missing and it is not optional."],
      [
        `${reader}backup-id=..&backup-time=1&backup-type=vm&store=golden`,
        "parameter verification failed - 'backup-id': value does not match the regex pattern",
      ],
      [
        `${reader}${vm100}&store=golden&ns=../x`,
        "parameter verification failed - 'ns': value does not match the regex pattern",
      ],
      [
        `${reader}backup-time=0&backup-type=qemu&store=golden`,
        "parameter verification errors\n\nparameter 'backup-time': value must have a minimum value of 1 (got 0)\n" +
          "parameter 'backup-type': value 'qemu' is not defined in the enumeration.\n" +
          "parameter 'backup-id': parameter is missing and it is not optional.\n",
      ],
    ];
    for (const [target, text] of texts) {
      const answer = await upgrade(target);
      assert.deepEqual([answer.status, answer.body, field(answer, 'content-type')], [400, text, json], target);
    }
    for (const protocol of ['proxmox-backup-protocol-v1', 'Proxmox-Backup-Reader-Protocol-v1', 'h2c']) {
      assert.equal((await upgrade(readerTarget, { upgrade: protocol })).body, 'invalid protocol name');
    }
    const plain = await ask(withTicket(readerTarget));
    assert.deepEqual([plain.status, plain.body], [400, 'missing Upgrade header']);
    const unknown = await upgrade(readerTarget, { cookie: 'PBSAuthCookie=x' });
    assert.deepEqual([unknown.status, unknown.body], [401, 'authentication failed']);
  });

  it('loses no byte of a preface that comes together with the request', async () => {
    await withTls(async (socket) => {
      const preface = Buffer.concat([
        Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
        Buffer.from('00000c0400000000000004' + '7ffffffe' + '0005' + '00400000', 'hex'),
        Buffer.from('0000040800000000007ffeffff', 'hex'),
        // HEADERS of stream 1: GET https localhost /, END_STREAM and END_HEADERS.
        Buffer.from('000006' + '01' + '05' + '00000001' + '828784010178', 'hex'),
      ]);
      socket.write(Buffer.concat([Buffer.from(getText(readerTarget, upgradeHeaders(ticket))), preface]));
      assert.equal((await exchange(socket, '')).status, 101);
      let text = '';
      for await (const piece of socket) {
        text += (piece as Buffer).toString('latin1');
        if (text.includes('{"subdir":"speedtest"}]}')) return;
      }
      assert.fail('the request behind the preface was not answered');
    });
  });

  it('announces the settings and the connection window of a real server', async () => {
    await withTls(async (socket) => {
      await exchange(socket, getText(readerTarget, upgradeHeaders(ticket)));
      socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
      let bytes = Buffer.alloc(0);
      for await (const piece of socket) {
        bytes = Buffer.concat([bytes, piece as Buffer]);
        if (bytes.length >= 46) break;
      }
      assert.equal(bytes.toString('hex', 0, 9), '000018040000000000');
      const entries = Array.from({ length: 4 }, (_, index) => bytes.toString('hex', 9 + 6 * index, 15 + 6 * index));
      assert.deepEqual(entries.sort(), ['0003000000c8', '000402000000', '000500400000', '000600004000']);
      assert.ok(bytes.includes(Buffer.from('00000408000000000001ff0001', 'hex')), 'WINDOW_UPDATE of the connection');
    });
  });
});

describe('a reader session', () => {
  it('delivers files and chunks byte for byte', async () => {
    await withReader(async (session) => {
      for (const name of ['index.json.blob', 'drive-scsi0.img.fidx', 'qemu-server.conf.blob']) {
        const { status, headers, body } = await fetchH2(session, `/download?file-name=${name}`);
        assert.deepEqual(
          [status, headers['content-type'], headers['content-length']],
          [200, 'application/octet-stream', undefined],
        );
        assert.deepEqual(body, readFileSync(join(golden, 'vm/100/2026-02-16T16:30:44Z', name)));
      }
      for (const digest of digestsOf('vm/100/2026-02-16T16:30:44Z/drive-scsi0.img.fidx')) {
        const { status, headers, body } = await fetchH2(session, `/chunk?digest=${digest}`);
        const expected = readFileSync(chunkFile(digest));
        assert.equal(status, 200);
        assert.deepEqual(Object.keys(headers), [':status', 'content-type', 'date', 'content-length']);
        assert.equal(headers['content-length'], String(expected.length));
        assert.ok(body.equals(expected), digest);
      }
    });
  });

  it('lets chunks of dynamic indexes be fetched', async () => {
    await withReader(async (session) => {
      const { body } = await fetchH2(session, '/download?file-name=root.pxar.didx');
      const digest = body.toString('hex', 4104, 4136);
      assert.ok((await fetchH2(session, `/chunk?digest=${digest}`)).body.equals(readFileSync(chunkFile(digest))));
    }, '/api2/json/reader?backup-id=anchor&backup-time=1771010800&backup-type=host&store=golden');
  });

  it('serves 64 requests at once, and 16 connections at once', async () => {
    const digests = digestsOf('vm/100/2026-02-16T16:30:44Z/drive-scsi0.img.fidx');
    const at = (index: number): string => digests[index % digests.length] ?? '';
    await withReader(async (session) => {
      await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
      const answers = await Promise.all(
        Array.from({ length: 64 }, (_, index) => fetchH2(session, `/chunk?digest=${at(index)}`)),
      );
      for (const [index, { body }] of answers.entries())
        assert.ok(body.equals(readFileSync(chunkFile(at(index)))), `answer ${index}`);
    });
    await Promise.all(
      Array.from({ length: 16 }, (_, index) =>
        withReader(async (session) => {
          await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
          assert.ok(
            (await fetchH2(session, `/chunk?digest=${at(index)}`)).body.equals(readFileSync(chunkFile(at(index)))),
          );
        }),
      ),
    );
  });

  it('keeps chunks of other indexes back, after the penalty, and goes on', async () => {
    await withReader(async (session) => {
      const start = monotonicNow();
      const early = await fetchH2(session, `/chunk?digest=${incompressible}`);
      assert.ok(monotonicNow() - start >= penaltyMs);
      assert.deepEqual([early.status, early.body.toString()], [401, `download chunk ${incompressible} not allowed`]);
      assert.equal(early.headers['content-type'], undefined);
      await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
      assert.equal((await fetchH2(session, `/chunk?digest=${incompressible}`)).status, 200);
      assert.equal((await fetchH2(session, `/chunk?digest=${'0'.repeat(64)}`)).status, 401);
    });
  });

  it('answers every wrong request in the words of the real server, and goes on', async () => {
    await withReader(async (session) => {
      const file = (name: string): string => JSON.stringify(join(golden, 'vm/100/2026-02-16T16:30:44Z', name));
      const wrong: readonly (readonly [path: string, status: number, text: string, method?: string])[] = [
        ['/chunk?digest=ABC', 400, "parameter verification failed - 'digest': value does not match the regex pattern"],
        [
          `/chunk?digest=${incompressible.toUpperCase()}`,
          400,
          "parameter verification failed - 'digest': value does not match the regex pattern",
        ],
        ['/chunk', 400, "parameter verification failed - 'digest': parameter is missing and it is not optional."],
        [
          `/chunk?digest=${incompressible}&x=1`,
          400,
          "parameter verification failed - 'x': schema does not allow additional properties.",
        ],
        [
          `/chunk?digest=${incompressible}&digest=${incompressible}`,
          400,
          "parameter verification failed - 'digest': duplicate parameter.",
        ],
        ['/nope', 404, "Path '/nope' not found."],
        [`/chunk?digest=${incompressible}`, 404, "Path '/chunk' not found.", 'POST'],
        [
          '/download?file-name=nope.fidx',
          400,
          `Unable to open fixed index ${file('nope.fidx')} - No such file or directory (os error 2)`,
        ],
        ['/download?file-name=nope.blob', 404, `open file ${file('nope.blob')} failed - not found`],
        ['/download?file-name=nope.txt', 400, 'unknown archive type: "nope.txt"'],
        [
          '/download?file-name=../owner',
          400,
          "parameter verification failed - 'file-name': value does not match the regex pattern",
        ],
        ['/speedtest?x=1', 400, "parameter verification failed - 'x': schema does not allow additional properties."],
      ];
      for (const [path, status, text, method] of wrong) {
        const answer = await fetchH2(session, path, method);
        assert.deepEqual([answer.status, answer.body.toString()], [status, text], path);
        assert.equal(
          answer.headers['content-type'],
          status === 404 && text.startsWith('Path') ? json : undefined,
          path,
        );
      }
      const speedtest = await fetchH2(session, '/speedtest');
      assert.deepEqual(
        [speedtest.headers['content-length'], speedtest.body.equals(Buffer.alloc(1048576, 'A'))],
        ['1048576', true],
      );
    });
  });

  it('passes damaged chunk files on as they are, and names missing ones', async () => {
    const store = join(folder, 'damaged');
    cpSync(golden, store, { recursive: true });
    server.mount({ store: 'damaged', path: store });
    const [first = '', second = '', third = ''] = digestsOf('vm/100/2026-02-16T16:30:44Z/drive-scsi0.img.fidx');
    truncateSync(chunkFile(first, store), 5);
    writeFileSync(chunkFile(second, store), '');
    rmSync(chunkFile(third, store));
    const index = join(store, 'vm/100/2026-02-16T16:30:44Z/drive-scsi0.img.fidx');
    await withReader(async (session) => {
      await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
      assert.ok(
        (await fetchH2(session, `/chunk?digest=${first}`)).body.equals(readFileSync(chunkFile(first)).subarray(0, 5)),
      );
      const empty = await fetchH2(session, `/chunk?digest=${second}`);
      assert.deepEqual([empty.status, empty.headers['content-length'], empty.body.length], [200, '0', 0]);
      const missing = await fetchH2(session, `/chunk?digest=${third}`);
      const text = `reading file ${JSON.stringify(chunkFile(third, store))} failed: No such file or directory (os error 2)`;
      assert.deepEqual(
        [missing.status, missing.body.toString(), missing.headers['content-type']],
        [400, text, undefined],
      );
      writeFileSync(index, 'no index');
      assert.match(
        (await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx')).body.toString(),
        /^Unable to open fixed index ".*" - /u,
      );
    }, `/api2/json/reader?${vm100}&store=damaged`);
  });

  it('reads chunks, and only chunks, through the emulated storage', async () => {
    server.setStorage({ readLatencyMs: 60, queueDepth: 1 });
    server.resetCounters();
    try {
      await withReader(async (session) => {
        await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
        const start = monotonicNow();
        await Promise.all([1, 2, 3].map(() => fetchH2(session, `/chunk?digest=${incompressible}`)));
        assert.ok(monotonicNow() - start >= 180);
      });
      const { reads, bytes } = server.counters();
      assert.deepEqual([reads, bytes], [3, 3 * 4_194_316]);
    } finally {
      server.setStorage({ readLatencyMs: 0, queueDepth: 32 });
    }
  });
});

describe('clients that behave badly', () => {
  const isAlive = async (): Promise<void> => assert.equal((await ask(getText('/api2/json/ping'))).status, 200);

  const openFiles = (): number => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);

  it('a client that dies in the middle of its downloads does no harm and leaves no file open', async () => {
    const before = openFiles();
    for (let round = 0; round < 4; round += 1) {
      const session = await openReader();
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
    await withReader(async (session) => {
      await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
      for (let round = 0; round < 3; round += 1) {
        const streams = Array.from({ length: 20 }, () =>
          session.request({ ':path': `/chunk?digest=${incompressible}` }),
        );
        for (const stream of streams) {
          stream.on('error', () => {});
          stream.once('response', () => stream.close(8));
        }
        await Promise.race([...streams.map((stream) => once(stream, 'close'))]);
        for (const stream of streams) stream.close(8);
      }
      assert.equal((await fetchH2(session, `/chunk?digest=${incompressible}`)).body.length, 4_194_316);
    });
  });

  it('a stream whose client does not read does not stop the other streams', async () => {
    const socket = await openTls(server.port);
    await exchange(socket, getText(readerTarget, upgradeHeaders(ticket)));
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
      const socket = connect(server.port, '127.0.0.1');
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
      const socket = connect(server.port, '127.0.0.1');
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
      const socket = await openTls(server.port);
      socket.write(head);
      socket.resume();
      await closeOf(socket);
    }
    await withTls(async (socket) => {
      await exchange(socket, getText(readerTarget, upgradeHeaders(ticket)));
      socket.write('this is not HTTP/2, and long enough to be sure of it');
      socket.resume();
      await closeOf(socket);
    });
    await isAlive();
  });

  it('a client that leaves during the penalty is forgotten', async () => {
    const socket = await openTls(server.port);
    socket.write(getText('/api2/json/version', upgradeHeaders('x')));
    await new Promise((resolve) => setTimeout(resolve, 5));
    socket.destroy();
    await isAlive();
  });

  it('connections end with the server', async () => {
    const other = await startEmbeddedServer({ clock: monotonicClock(), userId, secret, certificateFolder: folder });
    const socket = await openTls(other.port);
    const closed = once(socket.resume(), 'close');
    await other[Symbol.asyncDispose]();
    await closed;
  });
});
