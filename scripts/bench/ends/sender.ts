// The sending end of a measured transfer, as a process of its own.
import type { TLSSocket } from 'node:tls';

import { collectLessOften } from '../../../src/process/collect-less-often.ts';
import { serveCalls } from '../../../src/process/serve-calls.ts';
import type { SenderCalls, SenderKind } from './control.ts';
import { serveOurs, serveTwoAtOnce } from './http2-sender.ts';
import { servePlainNodeHttp2 } from './node-http2-sender.ts';
import { payloadChunks } from './payload.ts';
import { serveRaw } from './raw-tls.ts';
import { listenTls } from './tls.ts';

collectLessOften();

type Serve = (socket: TLSSocket, pool: readonly Uint8Array[]) => void;

const kinds: Readonly<Record<SenderKind, (writeBytes: number) => Serve>> = {
  raw: (writeBytes) => (socket, pool) => serveRaw(socket, pool, writeBytes),
  ours: () => serveOurs,
  'node-http2': () => servePlainNodeHttp2,
  'node-http2-two-at-once': () => serveTwoAtOnce,
};

let before = process.cpuUsage();

const calls: SenderCalls = {
  async listen({ kind, certificateFolder, writeBytes }) {
    const pool = payloadChunks(1);
    const serve = kinds[kind](writeBytes);
    return { port: await listenTls(certificateFolder, (socket) => serve(socket, pool)) };
  },
  usage() {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    return { cpuMs: (user + system) / 1000 };
  },
};

serveCalls(calls);
