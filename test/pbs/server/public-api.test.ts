import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { monotonicClock, monotonicNow } from '../../../src/clock/monotonic.ts';
import { startEmbeddedServer } from '../../../src/pbs/server/start-embedded-server.ts';
import { GoldenServer, penaltyMs, readerTarget, secret, userId, vm100 } from './golden-server.ts';
import { exchange, field, getText, openTls, postText, upgradeHeaders, type RawAnswer } from './raw-client.ts';

let lab: GoldenServer;
before(async () => {
  lab = await GoldenServer.start();
});
after(() => lab[Symbol.asyncDispose]());

const json = 'application/json;charset=UTF-8';

describe('login', () => {
  const login = (fields: object): Promise<RawAnswer> =>
    lab.ask(postText('//api2/json/access/ticket', 'application/json', JSON.stringify(fields)));

  it('gives a ticket for the password, as JSON and as form', async () => {
    const form = new URLSearchParams({ username: userId, password: secret }).toString();
    for (const request of [
      postText('/api2/json/access/ticket', 'application/json', JSON.stringify({ username: userId, password: secret })),
      postText('/api2/json/access/ticket', 'application/x-www-form-urlencoded; charset=utf-8', form),
    ]) {
      const answer = await lab.ask(request);
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

  it('puts the ticket into a cookie where that is asked for', async () => {
    const fields = { username: userId, password: secret };
    for (const [value, isCookie] of [
      [true, true],
      ['1', true],
      [false, false],
    ] as const) {
      const answer = await login({ ...fields, 'http-only': value });
      const { data } = JSON.parse(answer.body) as { data: Record<string, string> };
      const [, cookie] =
        /^(__Host-PBSAuthCookie=PBS:[^;]+); Secure; SameSite=Lax; HttpOnly; Path=\/;$/u.exec(
          field(answer, 'set-cookie') ?? '',
        ) ?? [];
      assert.equal(cookie !== undefined, isCookie);
      assert.deepEqual(
        Object.keys(data).sort(),
        isCookie ? ['CSRFPreventionToken', 'ticket-info', 'username'] : ['CSRFPreventionToken', 'ticket', 'username'],
      );
      if (cookie === undefined) continue;
      const version = await lab.ask(`GET /api2/json/version HTTP/1.1\r\nhost: x\r\ncookie: ${cookie}\r\n\r\n`);
      assert.equal(version.status, 200);
    }
    const wrong = await login({ ...fields, 'http-only': 'perhaps' });
    assert.equal(wrong.status, 400);
  });

  it('takes a ticket as password', async () => {
    assert.equal((await login({ username: userId, password: lab.ticket })).status, 200);
  });

  it('refuses wrong credentials after the penalty', async () => {
    for (const [username, password] of [
      [userId, 'wrong'],
      ['other@pbs', secret],
      [userId, `${lab.ticket}x`],
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
      const answer = await lab.ask(request);
      assert.deepEqual([answer.status, answer.body, field(answer, 'content-type')], [400, text, json]);
    }
  });

  it('does not read a body without end', async () => {
    const answer = await lab.ask(postText('/api2/json/access/ticket', 'application/json', 'x'.repeat(600_000)));
    assert.deepEqual([answer.status, answer.body], [400, 'request body too large']);
  });
});

describe('the public API', () => {
  it('knows ping without and version with a ticket, under either cookie name, encoded or not', async () => {
    assert.equal((await lab.ask(getText('/api2/json/ping'))).body, '{"data":{"pong":true}}');
    for (const cookie of [
      `PBSAuthCookie=${lab.ticket}`,
      `__Host-PBSAuthCookie=${encodeURIComponent(lab.ticket)}`,
      `a=b; PBSAuthCookie=${lab.ticket}`,
      `PBSAuthCookie=nonsense; __Host-PBSAuthCookie=${lab.ticket}`,
    ]) {
      const answer = await lab.ask(getText('/api2/json//version?', { cookie }));
      assert.equal(answer.status, 200, cookie);
      assert.equal((JSON.parse(answer.body) as { data: { version: string } }).data.version, '4.2');
    }
  });

  it('answers 401 without valid credentials, after the penalty and without a content type', async () => {
    for (const headers of [
      {},
      { cookie: `x; PBSAuthCookie=${lab.ticket}` },
      { cookie: 'PBSAuthCookie=PBS:bench@pbs:00000000::x' },
      { authorization: `PBSAPIToken=${userId}:${secret}` },
    ]) {
      const start = monotonicNow();
      const answer = await lab.ask(getText('/api2/json/version', headers));
      assert.ok(monotonicNow() - start >= penaltyMs);
      assert.deepEqual(
        [answer.status, answer.body, field(answer, 'content-type')],
        [401, 'authentication failed', undefined],
      );
    }
  });

  it('answers 404, 414 and illegal paths as the real server does', async () => {
    const missing = await lab.ask(lab.get('//api2/json/nope'));
    assert.deepEqual(
      [missing.status, missing.body, field(missing, 'content-type')],
      [404, "Path '/api2/json/nope' not found.", json],
    );
    const long = await lab.ask(lab.get(`/api2/json/version?x=${'y'.repeat(3100)}`));
    assert.deepEqual([long.status, long.body, field(long, 'content-type')], [414, '', undefined]);
    assert.equal((await lab.ask(lab.get('/api2/json/../x'))).status, 400);
  });

  it('keeps the connection for more requests', async () => {
    await lab.withTls(async (socket) => {
      assert.equal((await exchange(socket, getText('/api2/json/ping'))).status, 200);
      assert.equal((await exchange(socket, getText('/api2/json/nope', upgradeHeaders(lab.ticket)))).status, 404);
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
      certificateFolder: lab.folder,
    });
    const status = async (authorization: string): Promise<number> => {
      const socket = await openTls(other.port);
      const answer = await exchange(socket, getText('/api2/json/version', { authorization }));
      socket.destroy();
      return answer.status;
    };
    assert.equal(other.fingerprint, lab.server.fingerprint);
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
    await lab.ask(getText(target, { ...upgradeHeaders(lab.ticket), ...headers }));

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
    const plain = await lab.ask(lab.get(readerTarget));
    assert.deepEqual([plain.status, plain.body], [400, 'missing Upgrade header']);
    const unknown = await upgrade(readerTarget, { cookie: 'PBSAuthCookie=x' });
    assert.deepEqual([unknown.status, unknown.body], [401, 'authentication failed']);
  });

  it('loses no byte of a preface that comes together with the request', async () => {
    await lab.withTls(async (socket) => {
      const preface = Buffer.concat([
        Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
        Buffer.from('00000c04000000000000047ffffffe000500400000', 'hex'),
        Buffer.from('0000040800000000007ffeffff', 'hex'),
        // HEADERS of stream 1: GET https localhost /, END_STREAM and END_HEADERS.
        Buffer.from('000006010500000001828784010178', 'hex'),
      ]);
      socket.write(Buffer.concat([Buffer.from(getText(readerTarget, upgradeHeaders(lab.ticket))), preface]));
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
    await lab.withTls(async (socket) => {
      await exchange(socket, getText(readerTarget, upgradeHeaders(lab.ticket)));
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
