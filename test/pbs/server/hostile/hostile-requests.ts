import type { SeededRandom } from '../../../../src/material/seeded-random.ts';
import { encodeBlob } from '../../../../src/pbs/format/blob.ts';

export type SessionKind = 'reader' | 'backup';

/** One request as it is sent, and how. */
export interface HostileRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: string | Uint8Array;
}

export const randomMember = <Member>(random: SeededRandom, members: readonly Member[]): Member =>
  members[random.below(members.length)] as Member;

const isOneIn = (random: SeededRandom, count: number): boolean => random.below(count) === 0;

/** What never is a name, a number or anything else that a parameter could be. */
const hostileValues: readonly string[] = [
  '',
  ' ',
  '.',
  '..',
  '../..',
  '../../outside',
  '../outside/secret.blob',
  '/etc/passwd',
  String.raw`..\..\outside`,
  'a/../../..',
  'index.json.blob/../../owner',
  '.protected',
  '\0',
  'a\0b',
  '\r\nset-cookie: x',
  '-1',
  '0',
  '1e9',
  'NaN',
  '9'.repeat(30),
  '253402300800',
  '18446744073709551616',
  'null',
  '{}',
  '[[]]',
  '__proto__',
  'constructor',
  'toString',
  'ü\u{1f4be}',
  '\u202e',
  'x'.repeat(256),
  'x'.repeat(3000),
  'VM',
  'vm',
];

const sound = encodeBlob(Buffer.from('a small blob'));

const values: Readonly<Record<string, readonly string[]>> = {
  'archive-name': ['drive-scsi0.img.fidx', 'root.pxar.didx', 'index.json.blob'],
  'backup-id': ['100', '200', '300', '400', 'anchor', 'anchor-md'],
  'backup-time': ['1771000061', '1771086522', '1771172983', '1771259444', '1771180000', '1771010800'],
  'backup-type': ['vm', 'host', 'ct'],
  'file-name': ['index.json.blob', 'drive-scsi0.img.fidx', 'qemu-server.conf.blob', 'root.pxar.didx', 'linked.blob'],
  'max-depth': ['0', '1', '7'],
  'chunk-count': ['0', '1'],
  'digest-list': [`["${'0'.repeat(64)}"]`],
  'encoded-size': [String(sound.length), '1', '5000000', '900000000'],
  'offset-list': ['[0]', '[1]', '[]'],
  csum: ['0'.repeat(64)],
  debug: ['true', '0'],
  digest: ['d7ce222312aea8d9ff9deeaa0e718a93a49f86975de8ec1b2adb560312d73992', '0'.repeat(64)],
  name: ['fuzz'],
  notes: ['some notes'],
  ns: ['', 'a', 'a/b', 'linked'],
  parent: ['', 'a'],
  password: ['wrong'],
  protected: ['true', 'false'],
  size: ['0', '12', '4194304', '1099511627776'],
  store: ['tank', 'nostore'],
  username: ['root@pam', 'nobody@pbs'],
  verbose: ['1'],
  wid: ['1', '2'],
};

const snapshot = ['backup-id', 'backup-time', 'backup-type', 'ns'];

/** Calls that exist, with the parameters that they take; snapshots are asked for more than they are removed. */
const calls: readonly (readonly [method: string, path: string, parameters: readonly string[]])[] = [
  ['GET', 'ping', []],
  ['GET', 'version', []],
  ['GET', 'nodes/localhost/identity', []],
  ['POST', 'access/ticket', ['username', 'password']],
  ['GET', 'admin/datastore', []],
  ['GET', 'status/datastore-usage', []],
  ['GET', 'reader', [...snapshot, 'store', 'debug']],
  ['GET', 'backup', [...snapshot, 'store', 'debug']],
  ['GET', 'admin/datastore/tank/status', ['verbose']],
  ['GET', 'admin/datastore/tank/namespace', ['parent', 'max-depth']],
  ['POST', 'admin/datastore/tank/namespace', ['name', 'parent']],
  ['DELETE', 'admin/datastore/tank/namespace', ['ns']],
  ['GET', 'admin/datastore/tank/groups', ['ns']],
  ['GET', 'admin/datastore/tank/snapshots', ['backup-id', 'backup-type', 'ns']],
  ['GET', 'admin/datastore/tank/files', snapshot],
  ['GET', 'admin/datastore/tank/download', [...snapshot, 'file-name']],
  ['GET', 'admin/datastore/tank/download-decoded', [...snapshot, 'file-name']],
  ['GET', 'admin/datastore/tank/notes', snapshot],
  ['PUT', 'admin/datastore/tank/notes', [...snapshot, 'notes']],
  ['GET', 'admin/datastore/tank/group-notes', ['backup-id', 'backup-type', 'ns']],
  ['PUT', 'admin/datastore/tank/group-notes', ['backup-id', 'backup-type', 'ns', 'notes']],
  ['GET', 'admin/datastore/tank/protected', snapshot],
  ['PUT', 'admin/datastore/tank/protected', [...snapshot, 'protected']],
  ['POST', 'admin/datastore/tank/upload-backup-log', snapshot],
  // Of a datastore that does not exist: a right one would leave nothing to ask for.
  ['DELETE', 'admin/datastore/nostore/snapshots', snapshot],
  ['DELETE', 'admin/datastore/nostore/groups', ['backup-id', 'backup-type', 'ns']],
];

const sessionCalls: Readonly<Record<SessionKind, typeof calls>> = {
  reader: [
    ['GET', 'chunk', ['digest']],
    ['GET', 'download', ['file-name']],
    ['GET', 'speedtest', []],
    ['GET', '', []],
    ['GET', 'nope', []],
  ],
  backup: [
    ['POST', 'fixed_index', ['archive-name', 'size']],
    ['POST', 'dynamic_index', ['archive-name']],
    ['PUT', 'fixed_index', ['wid', 'digest-list', 'offset-list']],
    ['POST', 'fixed_chunk', ['wid', 'digest', 'size', 'encoded-size']],
    ['POST', 'dynamic_chunk', ['wid', 'digest', 'size', 'encoded-size']],
    ['POST', 'fixed_close', ['wid', 'chunk-count', 'size', 'csum']],
    ['POST', 'dynamic_close', ['wid', 'chunk-count', 'size', 'csum']],
    ['POST', 'blob', ['file-name', 'encoded-size']],
    ['GET', 'previous', ['archive-name']],
    ['GET', 'previous_backup_time', []],
    ['POST', 'speedtest', []],
    ['POST', 'finish', []],
  ],
};

/** A request that is right, nearly right, or nonsense, of the calls of the HTTP/1.1 listener. */
export function publicRequest(random: SeededRandom, credentials: readonly (readonly string[])[]): HostileRequest {
  const [method, path, parameters] = randomMember(random, calls);
  const prefix = randomMember(random, ['/api2/json/', '/api2/json/', '//api2/json/', '/api2//json//', '/api2/extjs/']);
  const query = queryOf(random, parameters);
  const isInBody = (method === 'POST' || method === 'PUT') && !isOneIn(random, 3);
  const body = isInBody ? bodyOf(random, query) : { text: '', contentType: undefined };
  return {
    method: isOneIn(random, 10) ? randomMember(random, ['GET', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH']) : method,
    target: `${prefix}${isOneIn(random, 6) ? changedPath(random, path) : path}${isInBody && !isOneIn(random, 5) ? '' : `?${query}`}`,
    headers: [
      ...randomMember(random, credentials),
      ...(body.contentType === undefined ? [] : [`content-type: ${body.contentType}`]),
      ...(isOneIn(random, 20) ? [`x-${random.next()}: ${'y'.repeat(random.below(9000))}`] : []),
      ...(isOneIn(random, 30) ? ['accept-encoding: deflate, gzip'] : []),
    ],
    body: body.text,
  };
}

/** The same of the calls inside of a session. */
export function sessionRequest(random: SeededRandom, kind: SessionKind): HostileRequest {
  const [method, path, parameters] = randomMember(random, sessionCalls[kind]);
  const query = queryOf(random, parameters);
  const isJson = method === 'PUT' && !isOneIn(random, 4);
  return {
    method: isOneIn(random, 8) ? randomMember(random, ['GET', 'PUT', 'POST', 'DELETE', 'HEAD']) : method,
    target: `/${isOneIn(random, 6) ? changedPath(random, path) : path}${isJson ? '' : `?${query}`}`,
    headers: isJson ? ['content-type: application/json'] : [],
    body: isJson ? jsonOf(query) : method === 'POST' ? uploadedBytes(random) : '',
  };
}

/** As the client has it: numbers and lists as such. */
const jsonOf = (query: string): string =>
  `{${[...new URLSearchParams(query)]
    .map(([name, value]) => `${JSON.stringify(name)}:${/^[[\d]/u.test(value) ? value : JSON.stringify(value)}`)
    .join(',')}}`;

function uploadedBytes(random: SeededRandom): Uint8Array {
  const broken = Buffer.from(sound);
  broken[random.below(broken.length)] = random.below(256);
  return randomMember(random, [sound, sound, broken, sound.subarray(0, random.below(sound.length)), Buffer.alloc(0)]);
}

/** The text of a request, its length as it is. */
export const requestText = ({ method, target, headers, body }: HostileRequest): string =>
  [
    `${method} ${target} HTTP/1.1`,
    'host: x',
    ...headers,
    `content-length: ${Buffer.byteLength(body)}`,
    '',
    body.toString(),
  ].join('\r\n');

/** Bytes of a request that are changed, doubled, missing or cut, so that it mostly is none any more. */
export function brokenBytes(random: SeededRandom, text: string): Buffer {
  let bytes = Buffer.from(text, 'utf8');
  for (let change = 1 + random.below(6); change > 0; change -= 1) {
    const at = random.below(bytes.length + 1);
    const piece = bytes.subarray(at, at + 1 + random.below(20));
    const inserted = randomMember(random, [
      Buffer.from([random.below(256)]),
      piece,
      Buffer.from('\r\n'),
      Buffer.from('transfer-encoding: chunked\r\n'),
      Buffer.from('content-length: 99999999999999999999\r\n'),
      Buffer.from('expect: 100-continue\r\n'),
      Buffer.alloc(0),
    ]);
    bytes = Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + random.below(3))]);
  }
  return isOneIn(random, 3) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}

function queryOf(random: SeededRandom, parameters: readonly string[]): string {
  let names = [...parameters];
  if (isOneIn(random, 8)) names = names.filter(() => !isOneIn(random, 3));
  if (isOneIn(random, 10)) names.push(randomMember(random, [...names, 'x', '__proto__', 'store']));
  // Four of five are right, so that what lies behind the check of the parameters is reached.
  const isHostile = isOneIn(random, 2);
  return names
    .filter((name) => name !== 'ns' || isOneIn(random, 3))
    .map((name) => {
      const known = values[name] ?? ['x'];
      const value = isHostile && isOneIn(random, 3) ? randomMember(random, hostileValues) : randomMember(random, known);
      return `${name}=${encoded(random, value)}`;
    })
    .join('&');
}

/** Once, twice or, where it does no harm to the request line, not at all. */
function encoded(random: SeededRandom, value: string): string {
  const once = encodeURIComponent(value);
  if (isOneIn(random, 6)) return encodeURIComponent(once);
  return isOneIn(random, 3) && /^[!-~]*$/u.test(value) ? value : once;
}

function changedPath(random: SeededRandom, path: string): string {
  const parts = path.split('/');
  const at = random.below(parts.length);
  const hostile = encoded(random, randomMember(random, hostileValues));
  if (isOneIn(random, 3)) parts.splice(at, 1);
  else if (isOneIn(random, 2)) parts.splice(at, 0, hostile);
  else parts[at] = hostile;
  return parts.join('/');
}

function bodyOf(random: SeededRandom, query: string): { text: string; contentType: string | undefined } {
  const fields = Object.fromEntries(new URLSearchParams(query));
  const json = JSON.stringify(fields);
  return randomMember(random, [
    { text: query, contentType: 'application/x-www-form-urlencoded' },
    { text: query, contentType: undefined },
    { text: json, contentType: 'application/json' },
    { text: json, contentType: 'application/json; charset=utf-8' },
    { text: json.slice(0, random.below(json.length + 1)), contentType: 'application/json' },
    { text: '['.repeat(random.below(20_000)), contentType: 'application/json' },
    { text: '{"username":{"a":[1]},"password":null,"__proto__":{"x":1}}', contentType: 'application/json' },
    { text: 'x'.repeat(random.below(700_000)), contentType: 'application/octet-stream' },
    { text: query, contentType: randomMember(random, ['text/plain', 'multipart/form-data', ';', '\u{ff}']) },
  ]);
}
