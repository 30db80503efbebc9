import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { inspect } from 'node:util';

import { monotonicClock } from '../../../src/clock/monotonic.ts';
import { KnownError } from '../../../src/model/errors.ts';
import { Secret } from '../../../src/model/secret.ts';
import { connectRest, RestClient } from '../../../src/pbs/client/rest-client.ts';
import type { ServerOptions } from '../../../src/pbs/client/server-options.ts';
import { CSRF_TOKEN, PASSWORD, startStubServer, TICKET, USER, type Answer, type StubServer } from './stub-server.ts';

const { signal } = new AbortController();
const TOKEN = 'bench@pbs!t1';
const TOKEN_SECRET = 'aaaa-100%-b c';
const what = 'listing what there is';

const optionsFor = ({ port, fingerprint }: StubServer, more: Partial<ServerOptions> = {}): ServerOptions => ({
  host: '127.0.0.1',
  port,
  fingerprint,
  credentials: { authId: USER, secret: new Secret(PASSWORD) },
  clock: monotonicClock(),
  signal,
  ...more,
});

const data = (value: unknown): Answer => ({
  status: 200,
  body: JSON.stringify({ data: value }),
});

/** Answers everything but a login. */
const answering =
  (answer: Answer) =>
  (head: string): Answer | undefined =>
    head.startsWith('POST //api2/json/access/ticket') ? undefined : answer;

const lines = ({ requests }: StubServer): string[][] => requests.map(({ head }) => head.split('\r\n'));

test('a user logs in once, and requests follow on the same connection with the heads of a real client', async () => {
  await using server = await startStubServer({ answer: answering(data([1, 2])) });
  await using client = new RestClient(optionsFor(server));
  const path = '/admin/datastore/golden/snapshots';
  assert.deepEqual(await client.get({ path, parameters: {}, what, signal }), [1, 2]);
  await client.get({ path: '/admin/datastore/golden/status', what, signal });
  const parameters = { ns: 'a/b', 'backup-type': 'vm', verbose: true, n: 3, text: 'ü &' };
  await client.delete({ path, parameters, what, signal });
  const host = `host: 127.0.0.1:${server.port}`;
  const form = 'content-type: application/x-www-form-urlencoded';
  const proof = [`cookie: PBSAuthCookie=${TICKET}`, `csrfpreventiontoken: ${CSRF_TOKEN}`];
  const agent = 'user-agent: restorelab';
  assert.deepEqual(lines(server), [
    ['POST //api2/json/access/ticket HTTP/1.1', agent, 'content-type: application/json', host, 'content-length: 63'],
    ['GET /api2/json/admin/datastore/golden/snapshots? HTTP/1.1', agent, form, ...proof, host],
    ['GET /api2/json/admin/datastore/golden/status HTTP/1.1', agent, form, ...proof, host],
    [
      'DELETE /api2/json/admin/datastore/golden/snapshots?backup-type=vm&n=3&ns=a%2Fb&text=%C3%BC+%26&verbose=true HTTP/1.1',
      agent,
      form,
      ...proof,
      host,
    ],
  ]);
  assert.equal(server.sockets.length, 1);
});

test('an API token is sent with each request, its secret percent-encoded', async () => {
  await using server = await startStubServer({ answer: () => data(null) });
  const credentials = { authId: TOKEN, secret: new Secret(TOKEN_SECRET) };
  await using client = new RestClient(optionsFor(server, { credentials }));
  assert.equal(await client.get({ path: '/ping', what, signal }), null);
  assert.deepEqual(lines(server), [
    [
      'GET /api2/json/ping HTTP/1.1',
      'user-agent: restorelab',
      'content-type: application/x-www-form-urlencoded',
      'authorization: PBSAPIToken=bench@pbs!t1:aaaa-100%25-b%20c',
      `host: 127.0.0.1:${server.port}`,
    ],
  ]);
});

test('a ticket is renewed with itself after a quarter of an hour, and with the password when it is too old', async () => {
  let logins = 0;
  await using server = await startStubServer({
    login: () => {
      logins += 1;
      return data({ CSRFPreventionToken: `csrf-${logins}`, ticket: `PBS:ticket-${logins}`, username: USER });
    },
    answer: answering(data(null)),
  });
  let nowMs = 0;
  await using client = new RestClient(optionsFor(server, { clock: { ...monotonicClock(), now: () => nowMs } }));
  const minutes = [0, 14.9, 15, 29, 31, 31 + 121];
  for (const minute of minutes) {
    nowMs = minute * 60_000;
    await client.get({ path: '/ping', what, signal });
  }
  const sent = server.requests.map(({ head, body }) =>
    head.startsWith('POST') ? (JSON.parse(body) as { password: string }).password : /cookie: (.*)\r/u.exec(head)?.[1],
  );
  assert.deepEqual(sent, [
    PASSWORD,
    'PBSAuthCookie=PBS:ticket-1',
    'PBSAuthCookie=PBS:ticket-1',
    'PBS:ticket-1',
    'PBSAuthCookie=PBS:ticket-2',
    'PBSAuthCookie=PBS:ticket-2',
    'PBS:ticket-2',
    'PBSAuthCookie=PBS:ticket-3',
    PASSWORD,
    'PBSAuthCookie=PBS:ticket-4',
  ]);
});

test('a ticket that the server takes no more is replaced by the password', async () => {
  await using server = await startStubServer({
    login: (body) =>
      body.includes('PBS:')
        ? { status: 401, body: 'permission check failed.' }
        : data({ CSRFPreventionToken: 'csrf', ticket: 'PBS:ticket', username: USER }),
    answer: answering(data(null)),
  });
  let nowMs = 0;
  await using client = new RestClient(optionsFor(server, { clock: { ...monotonicClock(), now: () => nowMs } }));
  await client.get({ path: '/ping', what, signal });
  nowMs = 1_000_000;
  await client.get({ path: '/ping', what, signal });
  assert.equal(server.requests.filter(({ head }) => head.startsWith('POST')).length, 3);
});

test('long answers in chunks come whole', async () => {
  const list = Array.from({ length: 40_000 }, (_, index) => `snapshot ${index}`);
  await using server = await startStubServer({ answer: answering({ ...data(list), isChunked: true }) });
  await using client = new RestClient(optionsFor(server));
  assert.deepEqual(await client.get({ path: '/list', what, signal }), list);
});

test('a connection that the server has closed is opened again; requests at once wait for one another', async () => {
  await using server = await startStubServer({ answer: answering({ ...data(7), isLast: true }) });
  await using client = new RestClient(optionsFor(server));
  const get = async (): Promise<unknown> => await client.get({ path: '/x', what, signal });
  assert.deepEqual(await Promise.all([get(), get(), get()]), [7, 7, 7]);
  assert.equal(server.requests.filter(({ head }) => head.startsWith('POST')).length, 1, 'the ticket is kept');
  for (const socket of server.sockets) socket.destroy();
  assert.equal(await get(), 7);
});

test('what a server says unasked is no answer to the next request', async () => {
  await using server = await startStubServer({ answer: answering(data('asked')) });
  await using client = new RestClient(optionsFor(server));
  const get = async (): Promise<unknown> => await client.get({ path: '/x', what, signal });
  assert.equal(await get(), 'asked');
  for (const unasked of ['HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n', 'x'.repeat(1_000_000)]) {
    server.sockets.at(-1)?.write(unasked);
    await new Promise((resolve) => setTimeout(resolve, 50));
    // On a busy machine the timer may be what is looked at first, and what has arrived only behind it.
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await get(), 'asked');
  }
  assert.equal(server.sockets.length, 3);
});

test('refusals are told in words of an administrator, with the exit code, and without secrets', async () => {
  const secrets = [PASSWORD, TICKET, CSRF_TOKEN];
  for (const [status, body, code, exitCode, words] of [
    [401, 'authentication failed', 'authentication-failed', 4, USER],
    [403, 'permission check failed - missing Datastore.Audit', 'permission-denied', 4, 'Datastore.Audit'],
    [400, "no such datastore 'golden'", 'datastore-not-found', 2, 'no datastore golden'],
    [404, 'namespace not found', 'namespace-not-found', 2, 'no namespace a/b'],
    [400, 'snapshot vm/1/x does not exist.', 'snapshot-not-found', 2, 'no snapshot vm/1/x'],
    [400, 'backup owner check failed (a@pbs != b@pbs)', 'permission-denied', 4, 'denies'],
    [400, "datastore 'golden' is unavailable: offline maintenance mode:", 'maintenance', 4, 'maintenance'],
    [400, 'unable to acquire snapshot lock "x"', 'locked', 4, 'locked'],
    [400, "while reading snapshot 'BackupDir { store: 1 }", 'locked', 4, 'locked'],
    [400, 'write failed: No space left on device (os error 28)', 'server-full', 4, 'full'],
    [404, "Path '/api2/json/x' not found.", 'server-too-old', 4, 'not know'],
    [
      500,
      `boom ${secrets.join(' ')} ${JSON.stringify(PASSWORD)} ${encodeURIComponent(TICKET)}`,
      'request-refused',
      4,
      '500',
    ],
  ] as const) {
    await using server = await startStubServer({ answer: answering({ status, body }) });
    await using client = new RestClient(optionsFor(server));
    const request = { path: '/x', what, store: 'golden', namespace: 'a/b', snapshot: 'vm/1/x', signal };
    await assert.rejects(client.get(request), (error) => {
      assert.ok(error instanceof KnownError, inspect(error));
      assert.deepEqual([error.code, error.exitCode], [code, exitCode], error.message);
      assert.ok(error.message.includes(words), error.message);
      assert.ok(error.hint !== undefined && error.hint !== '');
      const shown = inspect(error) + error.hint;
      for (const secret of [...secrets, encodeURIComponent(TICKET), 'horse']) assert.ok(!shown.includes(secret), shown);
      return true;
    });
  }
});

test('an answer that is not what PBS sends is told as such', async () => {
  for (const body of ['<html>', '[]', '{"nodata":1}', 'null', '']) {
    await using server = await startStubServer({ answer: answering({ status: 200, body }) });
    await using client = new RestClient(optionsFor(server));
    await assert.rejects(client.get({ path: '/x', what, signal }), { code: 'response-malformed' }, body);
  }
});

test('a server below version 3 is refused before anything else is asked', async () => {
  for (const [answer, code] of [
    [{ version: '2.4', release: '7', repoid: 'x' }, 'server-too-old'],
    [{ version: '1.1', release: '1' }, 'server-too-old'],
    [{ version: 'x' }, 'response-malformed'],
    [null, 'response-malformed'],
  ] as const) {
    await using server = await startStubServer({ answer: answering(data(answer)) });
    await assert.rejects(connectRest(optionsFor(server)), (error) => {
      assert.ok(error instanceof KnownError);
      assert.deepEqual([error.code, error.exitCode], [code, 4]);
      if (code === 'server-too-old') assert.match(error.message, /Backup Server [12]\.\d\.\d/u);
      return true;
    });
    assert.match(server.requests.at(-1)?.head ?? '', /^GET \/api2\/json\/version HTTP/u);
  }
  await using server = await startStubServer({ answer: answering(data({ version: '3.0', release: '1' })) });
  await using client = await connectRest(optionsFor(server));
  assert.deepEqual(await client.version(signal), { major: 3, text: '3.0.1' });
});

test('an abort ends a request at once, and the next one gets a connection of its own', async () => {
  await using server = await startStubServer({ answer: answering(data('now')) });
  await using client = new RestClient(optionsFor(server));
  const controller = new AbortController();
  const first = client.get({ path: '/x', what, signal: controller.signal });
  controller.abort(new Error('enough'));
  await assert.rejects(first, /enough/u);
  assert.equal(await client.get({ path: '/x', what, signal }), 'now');
});

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

test('an IPv6 address is connected to, and written in brackets', { skip: !hasIpv6 }, async () => {
  await using server = await startStubServer({ host: '::1', answer: answering(data('there')) });
  await using client = new RestClient(optionsFor(server, { host: '::1' }));
  assert.equal(await client.get({ path: '/x', what, signal }), 'there');
  assert.ok(lines(server).every((head) => head.includes(`host: [::1]:${server.port}`)));
});
