import { once } from 'node:events';
import { connect, createServer, type TLSSocket } from 'node:tls';

import { HpackDecoder } from '../../../src/pbs/h2/hpack/hpack-decoder.ts';
import { certificate } from './stub-server.ts';

/** What a client sent over one connection, as the recorded sessions of real clients show it. */
export interface RecordedClient {
  readonly exchanges: readonly { readonly requestHead: readonly string[]; readonly requestBody: string }[];
  /** One line for each frame: `SETTINGS MAX_FRAME_SIZE=4194304`. */
  readonly clientFrames: readonly string[];
}

export interface RecordingRelay extends AsyncDisposable {
  readonly port: number;
  readonly fingerprint: string;
  /** In the order of their connections. */
  recorded(): readonly RecordedClient[];
}

/** Stands between a client and a server, ends TLS on both sides, and keeps what the client sends. */
export async function startRecordingRelay(serverPort: number): Promise<RecordingRelay> {
  const { key, cert, fingerprint } = certificate();
  const sent: Buffer[][] = [];
  const sockets: TLSSocket[] = [];
  const server = createServer({ key, cert }, (client) => {
    const bytes: Buffer[] = [];
    sent.push(bytes);
    const upstream = connect({ host: '127.0.0.1', port: serverPort, rejectUnauthorized: false });
    sockets.push(client, upstream);
    client.on('error', () => upstream.destroy()).on('data', (piece: Buffer) => bytes.push(piece));
    upstream.on('error', () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    fingerprint,
    recorded: () => sent.map((bytes) => decodeClient(Buffer.concat(bytes))),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

function decodeClient(sent: Buffer): RecordedClient {
  const exchanges: { requestHead: string[]; requestBody: string }[] = [];
  let rest = sent;
  while (rest.length > 0 && rest.toString('latin1', 0, PREFACE.length) !== PREFACE) {
    const end = rest.indexOf('\r\n\r\n');
    const requestHead = rest.toString('latin1', 0, end).split('\r\n');
    const length = Number(requestHead.find((line) => line.startsWith('content-length: '))?.split(' ')[1] ?? 0);
    exchanges.push({ requestHead, requestBody: rest.toString('utf8', end + 4, end + 4 + length) });
    rest = rest.subarray(end + 4 + length);
  }
  const clientFrames =
    rest.length === 0 ? [] : ['HTTP/2 preface (24 bytes)', ...framesOf(rest.subarray(PREFACE.length))];
  return { exchanges, clientFrames };
}

const settingNames: Readonly<Record<number, string>> = {
  2: 'ENABLE_PUSH',
  4: 'INITIAL_WINDOW_SIZE',
  5: 'MAX_FRAME_SIZE',
};

/** Frames of a client without bodies and long headers, which is all that a restore sends (RFC 9113, 6). */
function framesOf(bytes: Buffer): string[] {
  const hpack = new HpackDecoder();
  const lines: string[] = [];
  for (let start = 0; start < bytes.length;) {
    const length = bytes.readUIntBE(start, 3);
    const type = bytes.readUInt8(start + 3);
    const flags = bytes.readUInt8(start + 4);
    const stream = bytes.readUInt32BE(start + 5) & 0x7f_ff_ff_ff;
    const payload = bytes.subarray(start + 9, start + 9 + length);
    start += 9 + length;
    if (type === 4 && (flags & 1) === 1) lines.push('SETTINGS ACK');
    else if (type === 4) lines.push(['SETTINGS', ...settingsOf(payload)].join(' '));
    else if (type === 8) lines.push(`WINDOW_UPDATE stream=${stream} +${payload.readUInt32BE(0)}`);
    else if (type === 1) {
      const fields = hpack.decode(payload).fields.map(({ name, value }) => ` | ${name}: ${value}`);
      lines.push(`HEADERS stream=${stream} end_stream=${(flags & 1) === 1} len=${length}${fields.join('')}`);
    } else lines.push(`frame of type ${type}`);
  }
  return lines;
}

function settingsOf(payload: Buffer): string[] {
  return Array.from({ length: payload.length / 6 }, (_, index) => {
    const identifier = payload.readUInt16BE(index * 6);
    return `${settingNames[identifier] ?? identifier}=${payload.readUInt32BE(index * 6 + 2)}`;
  });
}
