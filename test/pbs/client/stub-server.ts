import { createHash, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import {
  performServerHandshake,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer, type TLSSocket } from 'node:tls';

import forge from 'node-forge';

export const USER = 'bench@pbs';
export const PASSWORD = 'correct horse "battery"';
export const TICKET = 'PBS:bench@pbs:68A0B1C2::signature+with/base64';
export const CSRF_TOKEN = '68A0B1C2:csrf/token';

export interface Answer {
  readonly status: number;
  readonly body: string;
  /** Without a length, in chunks of a few bytes. */
  readonly isChunked?: boolean;
  /** The connection ends behind it. */
  readonly isLast?: boolean;
}

export interface StubOptions {
  /** Address to listen on; 127.0.0.1 unless given. */
  readonly host?: string;
  /** Answers an HTTP/1.1 request, before all of the others. */
  readonly answer?: (head: string, body: string) => Answer | undefined;
  /** Answers the login; accepts it unless given. */
  readonly login?: (body: string) => Answer;
  /** Refuses the upgrade. */
  readonly refuse?: (head: string) => Answer | undefined;
  /** Answers an HTTP/2 request. */
  readonly serve?: (stream: ServerHttp2Stream, path: string, headers: IncomingHttpHeaders) => void;
  /** Takes the connection over behind the 101 response, instead of HTTP/2 as it should be. */
  readonly onUpgrade?: (socket: TLSSocket) => void;
  /** Instead of all of the above. */
  readonly onConnection?: (socket: TLSSocket) => void;
}

export interface StubServer extends AsyncDisposable {
  readonly port: number;
  readonly fingerprint: string;
  /** HTTP/1.1 requests, verbatim. */
  readonly requests: { readonly connection: number; readonly head: string; readonly body: string }[];
  readonly sockets: TLSSocket[];
  readonly sessions: ServerHttp2Session[];
}

/** A server that says what a test has it say: the real shape of a reader session, without a datastore. */
export async function startStubServer({
  host = '127.0.0.1',
  answer,
  login,
  refuse,
  serve,
  onUpgrade,
  onConnection,
}: StubOptions = {}): Promise<StubServer> {
  const { key, cert, fingerprint } = certificate();
  const requests: StubServer['requests'] = [];
  const sockets: TLSSocket[] = [];
  const sessions: ServerHttp2Session[] = [];
  const server = createServer({ key, cert }, (socket) => {
    const connection = sockets.push(socket) - 1;
    socket.on('error', () => {});
    if (onConnection !== undefined) return onConnection(socket);
    let received = '';
    const readRequest = (bytes: Buffer): void => {
      received += bytes.toString('latin1');
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = received.slice(0, end);
      const length = Number(/content-length: (\d+)/u.exec(head)?.[1] ?? 0);
      if (received.length < end + 4 + length) return;
      const body = received.slice(end + 4, end + 4 + length);
      received = '';
      requests.push({ connection, head, body });
      const answered = answer?.(head, body);
      if (answered !== undefined) return respond(socket, answered);
      if (head.startsWith('POST')) {
        const accepted = { data: { CSRFPreventionToken: CSRF_TOKEN, ticket: TICKET, username: USER } };
        respond(socket, login?.(body) ?? { status: 200, body: JSON.stringify(accepted) });
        return;
      }
      const refused = refuse?.(head);
      if (refused !== undefined) return respond(socket, refused);
      socket.off('data', readRequest);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\r\n', () => {
        if (onUpgrade !== undefined) return onUpgrade(socket);
        const session = performServerHandshake(socket, { maxSessionMemory: 1000 });
        sessions.push(session);
        session.on('error', () => {});
        session.on('stream', (stream, headers) => {
          stream.on('error', () => {});
          serve?.(stream, String(headers[':path']), headers);
        });
      });
    };
    socket.on('data', readRequest);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    fingerprint,
    requests,
    sockets,
    sessions,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function respond(socket: TLSSocket, { status, body, isChunked = false, isLast = false }: Answer): void {
  const length = isChunked ? 'transfer-encoding: chunked' : `content-length: ${Buffer.byteLength(body)}`;
  const chunks = body
    .match(/[^]{1,5000}/gu)
    ?.map((chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`);
  socket.write(`HTTP/1.1 ${status} Whatever\r\ncontent-type: application/json\r\n${length}\r\n\r\n`);
  socket.write(isChunked ? `${chunks?.join('') ?? ''}0\r\n\r\n` : body);
  if (isLast) socket.end();
}

let made: { readonly key: string; readonly cert: string; readonly fingerprint: string } | undefined;

/** Self-signed, made once per test process. */
export function certificate(): NonNullable<typeof made> {
  if (made !== undefined) return made;
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const cert = forge.pki.createCertificate();
  cert.publicKey = forge.pki.publicKeyFromPem(pair.publicKey);
  cert.serialNumber = '01';
  cert.validity.notBefore = new Date(0);
  cert.validity.notAfter = new Date(Date.UTC(2100, 0));
  const name = [{ name: 'commonName', value: 'stub' }];
  cert.setSubject(name);
  cert.setIssuer(name);
  cert.sign(forge.pki.privateKeyFromPem(pair.privateKey), forge.md.sha256.create());
  const der = Buffer.from(forge.asn1.toDer(forge.pki.certificateToAsn1(cert)).getBytes(), 'latin1');
  const digits = createHash('sha256').update(der).digest('hex');
  made = { key: pair.privateKey, cert: forge.pki.certificateToPem(cert), fingerprint: digits.match(/../gu)!.join(':') };
  return made;
}
