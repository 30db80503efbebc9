import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import type { HeaderFields } from '../transport/transport.ts';
import {
  READER_PROTOCOL,
  type PublicAnswer,
  type PublicApi,
  type PublicRequest,
  type ReaderGrant,
} from './public-api.ts';
import { Refusal } from './refusal.ts';

/** Bodies must be shorter (spec 2.5). */
const MAX_BODY_BYTES = 512 * 1024;

export type ReaderStart = (socket: Duplex, head: Uint8Array, grant: ReaderGrant) => void;

/**
 * The HTTP/1.1 server behind TLS: it is given its connections by `emit('connection', socket)`. Like the real one it
 * knows no time limits (observed, 18). A connection that is upgraded is handed to `startReader`.
 */
export function createHttp1Server(api: PublicApi, startReader: ReaderStart): Server {
  const server = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 });
  server.timeout = 0;
  server.on('request', (request, response) => {
    void answerRequest(api, request, response);
  });
  server.on('upgrade', (request, socket, head) => {
    void answerUpgrade(api, server, startReader, { request, socket, head });
  });
  return server;
}

async function answerRequest(api: PublicApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.on('error', () => {});
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const answer = await api.handle(publicRequest(request, gone.signal, false)).catch(() => undefined);
  if (answer?.kind !== 'answer' || gone.signal.aborted) {
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
  response.end(body);
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
  startReader: ReaderStart,
  { request, socket, head }: Upgrade,
): Promise<void> {
  const gone = new AbortController();
  const abort = (): void => gone.abort();
  socket.once('close', abort);
  const answer = await api.handle(publicRequest(request, gone.signal, true)).catch(() => undefined);
  socket.off('close', abort);
  if (answer === undefined || socket.destroyed) {
    socket.destroy();
    return;
  }
  if (answer.kind === 'reader') {
    const fields = { connection: 'upgrade', upgrade: READER_PROTOCOL, date: httpDate() };
    // HTTP/2 may take the socket over only when this write has ended (spec section 14, 3).
    socket.write(headText(101, fields), (error) => {
      if (error === undefined || error === null) startReader(socket, head, answer);
      else socket.destroy();
    });
    return;
  }
  socket.write(headText(answer.status, answerHeaders(answer)) + answer.body);
  if (!hasNoBody(request)) {
    socket.end();
    return;
  }
  // Refused: the connection goes on as HTTP/1.1, with a parser of its own.
  if (head.length > 0) socket.unshift(head);
  server.emit('connection', socket);
}

const hasNoBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0';

function publicRequest(request: IncomingMessage, signal: AbortSignal, canUpgrade: boolean): PublicRequest {
  return {
    method: request.method ?? '',
    target: request.url ?? '/',
    headers: plainFields(request),
    body: async () => (canUpgrade ? '' : await readBody(request)),
    canUpgrade,
    signal,
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request) {
    length += (piece as Buffer).length;
    if (length >= MAX_BODY_BYTES) throw new Refusal(400, 'request body too large');
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces).toString('utf8');
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
  'content-length': String(Buffer.byteLength(body)),
  date: httpDate(),
});

const headText = (status: number, fields: HeaderFields): string =>
  `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;

const httpDate = (): string => new Date().toUTCString();
