import { GB } from '../../../src/model/units.ts';
import { ServiceProcess } from '../../../src/process/service-process.ts';
import type { ReceiverCalls, ReceiverKind, SenderCalls, SenderKind, TransferSettings } from '../ends/control.ts';

export interface Transfer {
  readonly receiver: ReceiverKind;
  readonly sender: SenderKind;
  readonly streams: number;
  readonly chunks: number;
  readonly settings: TransferSettings;
}

/** CPU-seconds per GB of payload. */
export interface TransferCost {
  readonly receiver: number;
  readonly sender: number;
}

const receiverEntry = new URL('../ends/receiver.ts', import.meta.url);
const senderEntry = new URL('../ends/sender.ts', import.meta.url);

/** A transfer by node:http2 with 64 streams takes 10 s where the machine is busy. */
const ANSWER_MS = 120_000;

/** One process for each kind of end, started when it is first needed, so that no end pays for what another left behind. */
export class TransportRig {
  readonly #resources: AsyncDisposableStack;
  readonly #certificateFolder: string;
  readonly #receivers: Map<ReceiverKind, Promise<ServiceProcess<ReceiverCalls>>> = new Map();
  readonly #senders: Map<string, Promise<OpenSender>> = new Map();

  constructor(resources: AsyncDisposableStack, certificateFolder: string) {
    this.#resources = resources;
    this.#certificateFolder = certificateFolder;
  }

  async measure({ receiver, sender, streams, chunks, settings }: Transfer): Promise<TransferCost> {
    const [to, from] = await Promise.all([this.#receiver(receiver), this.#sender(sender, settings.writeBytes)]);
    await to.call('prepare', { kind: receiver, port: from.port, streams, chunks, settings });
    await from.process.call('usage');
    const received = await to.call('receive');
    const sent = await from.process.call('usage');
    const costOf = (cpuMs: number): number => cpuMs / 1000 / (received.bytes / GB);
    return { receiver: costOf(received.cpuMs), sender: costOf(sent.cpuMs) };
  }

  async #receiver(kind: ReceiverKind): Promise<ServiceProcess<ReceiverCalls>> {
    let starting = this.#receivers.get(kind);
    starting ??= this.#start<ReceiverCalls>(`receiver ${kind}`, receiverEntry);
    this.#receivers.set(kind, starting);
    return await starting;
  }

  async #sender(kind: SenderKind, writeBytes: number): Promise<OpenSender> {
    const key = kind === 'raw' ? `${kind} ${writeBytes}` : kind;
    let opening = this.#senders.get(key);
    opening ??= this.#openSender(kind, writeBytes);
    this.#senders.set(key, opening);
    return await opening;
  }

  async #openSender(kind: SenderKind, writeBytes: number): Promise<OpenSender> {
    const sender = await this.#start<SenderCalls>(`sender ${kind}`, senderEntry);
    const { port } = await sender.call('listen', { kind, writeBytes, certificateFolder: this.#certificateFolder });
    return { process: sender, port };
  }

  async #start<Calls extends { [method: string]: (parameter: never) => unknown }>(
    name: string,
    entry: URL,
  ): Promise<ServiceProcess<Calls>> {
    return this.#resources.use(await ServiceProcess.start<Calls>(name, entry, { answerMs: ANSWER_MS }));
  }
}

interface OpenSender {
  readonly process: ServiceProcess<SenderCalls>;
  readonly port: number;
}
