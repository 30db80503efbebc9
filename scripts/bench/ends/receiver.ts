// The receiving end of a measured transfer, as a process of its own.
import { collectLessOften } from '../../../src/process/collect-less-often.ts';
import { serveCalls } from '../../../src/process/serve-calls.ts';
import type { ReceiverCalls, ReceiverKind, TransferOptions } from './control.ts';
import { openHttp2Receiver } from './http2-receiver.ts';
import { openNodeHttp2Receiver } from './node-http2-receiver.ts';
import { openCopyingReceiver, openRawReceiver } from './raw-tls.ts';
import type { OpenReceiver, Receiver } from './receiver-port.ts';
import { openSkippingReceiver } from './skipping-receiver.ts';

/** Chunks per stream that are received before anything counts: code is compiled, memory and congestion window grown. */
const WARM_UP_ROUNDS = 2;

collectLessOften();

const kinds: Readonly<Record<ReceiverKind, OpenReceiver>> = {
  raw: openRawReceiver,
  'raw-copy': openCopyingReceiver,
  ours: openHttp2Receiver,
  'node-http2': openNodeHttp2Receiver,
  skip: openSkippingReceiver,
};

let prepared: { readonly receiver: Receiver; readonly options: TransferOptions } | undefined;

const calls: ReceiverCalls = {
  async prepare({ kind, ...options }) {
    const receiver = await kinds[kind](options);
    await receiver.receive(WARM_UP_ROUNDS * options.streams);
    prepared = { receiver, options };
  },
  async receive() {
    if (prepared === undefined) throw new Error('not prepared');
    const { receiver, options } = prepared;
    prepared = undefined;
    const startedMs = performance.now();
    const before = process.cpuUsage();
    const bytes = await receiver.receive(options.chunks);
    const { user, system } = process.cpuUsage(before);
    const durationMs = performance.now() - startedMs;
    receiver.check?.();
    receiver.close();
    return { bytes, durationMs, cpuMs: (user + system) / 1000 };
  },
};

serveCalls(calls);
