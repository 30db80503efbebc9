import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTls, createSecureContext, type TLSSocket } from 'node:tls';

/** An HTTP/1.1 answer as it came, names of headers in the order and case of the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** The body as it came. */
  readonly bytes: Buffer;
}

/** Made once: it costs more than the handshake. */
const secureContext = createSecureContext();

/** A TLS connection without ALPN. */
export async function openTls(port: number): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, secureContext });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

export const field = ({ headers }: RawAnswer, name: string): string | undefined =>
  headers.find(([candidate]) => candidate === name)?.[1];

/**
 * Writes a request as it is and reads one answer; bytes behind it go back to the socket, unless its length was not
 * announced: then there must be none.
 */
export async function exchange(socket: TLSSocket, request: string): Promise<RawAnswer> {
  if (request !== '') socket.write(request);
  let head: Buffer = Buffer.alloc(0);
  while (!head.includes('\r\n\r\n')) head = Buffer.concat([head, await nextPiece(socket, head)]);
  const end = head.indexOf('\r\n\r\n');
  const [first = '', ...lines] = head.toString('latin1', 0, end).split('\r\n');
  const headers = lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const);
  const isChunked = headers.some(([name, value]) => name === 'transfer-encoding' && value === 'chunked');
  const length = Number(headers.find(([name]) => name.toLowerCase() === 'content-length')?.[1] ?? 0);
  const pieces = [head.subarray(end + 4)];
  let total = head.length - end - 4;
  while (isChunked ? !endsChunked(pieces) : total < length) {
    const piece = await nextPiece(socket, head);
    pieces.push(piece);
    total += piece.length;
  }
  const rest = Buffer.concat(pieces);
  if (!isChunked && rest.length > length) socket.unshift(rest.subarray(length));
  const bytes = isChunked ? chunkedBody(rest) : rest.subarray(0, length);
  return { status: Number(first.split(' ')[1]), headers, body: bytes.toString('utf8'), bytes };
}

async function nextPiece(socket: TLSSocket, head: Buffer): Promise<Buffer> {
  for (;;) {
    const piece = socket.read() as Buffer | null;
    if (piece !== null) return piece;
    if (socket.destroyed || socket.readableEnded) throw new Error(`closed after ${JSON.stringify(head.toString())}`);
    await nextEvent(socket);
  }
}

/** That there is something to read, or never will be. */
async function nextEvent(socket: TLSSocket): Promise<void> {
  await new Promise<void>((resolve) => {
    const happened = (): void => {
      for (const event of events) socket.off(event, happened);
      resolve();
    };
    for (const event of events) socket.on(event, happened);
  });
}

const events = ['readable', 'close', 'end'] as const;
const LAST_CHUNK = '0\r\n\r\n';

/** Whether the last chunk is there, which may have come in any number of pieces. */
function endsChunked(pieces: readonly Buffer[]): boolean {
  const tail = Buffer.concat(pieces.slice(-LAST_CHUNK.length - 2)).toString('latin1');
  return tail.endsWith(`\r\n${LAST_CHUNK}`) || tail === LAST_CHUNK;
}

/** A whole body in chunks (RFC 9112, section 7.1). */
function chunkedBody(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const end = bytes.indexOf('\r\n', at);
    const length = Number.parseInt(bytes.toString('latin1', at, end), 16);
    if (length === 0 && end + 4 < bytes.length)
      throw new Error(`bytes behind the last chunk: ${bytes.toString('latin1', at)}`);
    if (length === 0 || end === -1) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}

export const getText = (target: string, headers: Readonly<Record<string, string>> = {}): string =>
  `GET ${target} HTTP/1.1\r\n${Object.entries({ ...headers, host: 'localhost' })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;

export const postText = (target: string, contentType: string, body: string): string =>
  `POST ${target} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${contentType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

export const upgradeHeaders = (ticket: string): Readonly<Record<string, string>> => ({
  cookie: `PBSAuthCookie=${ticket}`,
  connection: 'upgrade',
  upgrade: 'proxmox-backup-reader-protocol-v1',
});

/** A ticket for the account of the tests. */
export async function logIn(socket: TLSSocket, username: string, password: string): Promise<string> {
  const answer = await exchange(
    socket,
    postText('//api2/json/access/ticket', 'application/json', JSON.stringify({ password, username })),
  );
  return (JSON.parse(answer.body) as { data: { ticket: string } }).data.ticket;
}

export interface H2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An HTTP/2 session on an upgraded socket, with the windows of a real client. */
export function startHttp2(socket: TLSSocket): ClientHttp2Session {
  const session = connectHttp2('https://localhost:8007', {
    createConnection: () => socket,
    maxSessionMemory: 1024,
    settings: { initialWindowSize: 2_147_483_646, maxFrameSize: 4_194_304 },
  });
  session.on('error', () => {});
  session.once('connect', () => session.setLocalWindowSize(2_147_483_646));
  return session;
}

/** What {@link fetchH2} sends; a GET without a body unless it says otherwise. */
export interface H2Request {
  readonly method?: string;
  /** `name: value` */
  readonly headers?: readonly string[];
  readonly body?: string | Uint8Array;
}

export async function fetchH2(
  session: ClientHttp2Session,
  path: string,
  { method = 'GET', headers: sent = [], body = '' }: H2Request = {},
): Promise<H2Answer> {
  const fields = Object.fromEntries(sent.map((line) => line.split(': ')));
  const stream = session.request({ ...fields, ':path': path, ':method': method }, { endStream: body.length === 0 });
  // A session that is destroyed fails its streams more than once.
  stream.on('error', () => {});
  if (body.length > 0) stream.end(body);
  const pieces: Buffer[] = [];
  let headers: IncomingHttpHeaders = {};
  stream.once('response', (received) => {
    headers = received;
  });
  for await (const piece of stream) pieces.push(piece as Buffer);
  return { status: Number(headers[':status']), headers, body: Buffer.concat(pieces) };
}
