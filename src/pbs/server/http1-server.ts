import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { HeaderFields } from '../transport/transport.ts';
import type { PublicApi } from './public-api.ts';
import type { PublicAnswer, PublicRequest } from './public-request.ts';
import { Refusal } from './refusal.ts';
import type { Session, SessionGrant } from './session.ts';

/** Takes over a connection whose protocol has changed, and sees to the end of the session. */
export type SessionStart = (socket: Duplex, head: Uint8Array, session: Session) => void;

/**
 * The HTTP/1.1 server behind TLS: it is given its connections by `emit('connection', socket)`. Like the real one it
 * knows no time limits (observed, 18). A connection that is upgraded is handed to `startSession`.
 */
export function createHttp1Server(api: PublicApi, startSession: SessionStart): Server {
  const server = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 });
  server.timeout = 0;
  server.on('request', (request, response) => {
    void answerRequest(api, request, response);
  });
  server.on('upgrade', (request, socket, head) => {
    void answerUpgrade(api, server, startSession, { request, socket, head });
  });
  return server;
}

async function answerRequest(api: PublicApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.on('error', () => {});
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const answer = await api.handle(publicRequest(request, gone.signal, false)).catch(() => undefined);
  if (answer?.kind !== 'answer' || gone.signal.aborted) {
    await discard(answer);
    response.destroy();
    return;
  }
  const { status, body } = answer;
  response.sendDate = false;
  // A real server has no `connection` and `keep-alive` headers in its answers.
  response.removeHeader('connection');
  // What is left of a body that was too long is not worth reading.
  if (!request.complete) response.shouldKeepAlive = false;
  response.writeHead(status, answerHeaders(answer));
  if (typeof body === 'string') response.end(body);
  // A body that fails has been announced already: all that is left is to end the connection.
  else await pipeline(body, response).catch(() => response.destroy());
}

/** Lets go of what nobody waits for any more. */
async function discard(answer: PublicAnswer | SessionGrant | undefined): Promise<void> {
  if (answer?.kind === 'session') await answer.session.end();
  else if (answer !== undefined && typeof answer.body !== 'string') answer.body.destroy();
}

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client has sent behind its request: the preface, if it does not wait for the 101. */
  readonly head: Uint8Array;
}

/** Any request that asks for another protocol comes here, and the HTTP parser has let go of its connection. */
async function answerUpgrade(
  api: PublicApi,
  server: Server,
  startSession: SessionStart,
  { request, socket, head }: Upgrade,
): Promise<void> {
  const gone = new AbortController();
  const abort = (): void => gone.abort();
  socket.once('close', abort);
  const answer = await api.handle(publicRequest(request, gone.signal, true)).catch(() => undefined);
  socket.off('close', abort);
  if (answer === undefined || socket.destroyed) {
    await discard(answer);
    socket.destroy();
    return;
  }
  if (answer.kind === 'session') {
    const { protocol, session } = answer;
    const fields = { connection: 'upgrade', upgrade: protocol, date: httpDate() };
    // HTTP/2 may take the socket over only when this write has ended (spec section 14, 3).
    const isSent = await written(socket, headText(101, fields));
    if (isSent) {
      startSession(socket, head, session);
      return;
    }
    await session.end();
    socket.destroy();
    return;
  }
  const { body, status } = answer;
  socket.write(headText(status, answerHeaders(answer)) + (typeof body === 'string' ? body : ''));
  const isSent = typeof body === 'string' || (await sendChunked(socket, body));
  if (!isSent || !hasNoBody(request)) {
    socket.end();
    return;
  }
  // Refused: the connection goes on as HTTP/1.1, with a parser of its own.
  if (head.length > 0) socket.unshift(head);
  server.emit('connection', socket);
}

/** Whether the text has left for the system. */
async function written(socket: Duplex, text: string): Promise<boolean> {
  return await new Promise((resolve) => {
    socket.write(text, (error) => resolve(error === undefined || error === null));
  });
}

/** RFC 9112, section 7.1; returns whether it was sent to its end. */
async function sendChunked(socket: Duplex, body: Readable): Promise<boolean> {
  const framed = async function* (pieces: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer | string> {
    for await (const piece of pieces) {
      // An empty one would say that this was the last.
      if (piece.length === 0) continue;
      yield `${Buffer.byteLength(piece).toString(16)}\r\n`;
      yield piece;
      yield '\r\n';
    }
    yield '0\r\n\r\n';
  };
  return await pipeline(body, framed, socket, { end: false }).then(
    () => true,
    () => false,
  );
}

const hasNoBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0';

function publicRequest(request: IncomingMessage, signal: AbortSignal, canUpgrade: boolean): PublicRequest {
  return {
    method: request.method ?? '',
    target: request.url ?? '/',
    headers: plainFields(request),
    body: async (maxBytes) => (canUpgrade ? Buffer.alloc(0) : await readBody(request, maxBytes)),
    canUpgrade,
    signal,
  };
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request) {
    length += (piece as Buffer).length;
    if (length >= maxBytes) throw new Refusal(400, 'request body too large');
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}

function plainFields({ headers }: IncomingMessage): HeaderFields {
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) fields[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return fields;
}

/** In the order of a real server. */
const answerHeaders = ({ headers, body }: PublicAnswer): Record<string, string> => ({
  ...headers,
  ...(typeof body === 'string'
    ? { 'content-length': String(Buffer.byteLength(body)) }
    : { 'transfer-encoding': 'chunked' }),
  date: httpDate(),
});

const headText = (status: number, fields: HeaderFields): string =>
  `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;

const httpDate = (): string => new Date().toUTCString();
