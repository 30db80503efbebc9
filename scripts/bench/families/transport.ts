import { formatBytes, KiB, MiB } from '../../../src/model/units.ts';
import type { ReceiverKind, SenderKind, TransferSettings } from '../ends/control.ts';
import { ratioOf, type Family, type Measurement, type Probe, type RatioRule } from '../family.ts';
import { primitiveProbes, type NamedPrimitive } from './primitives.ts';
import { TransportRig, type Transfer, type TransferCost } from './transport-rig.ts';

/** HTTP/2's largest window, RFC 9113 section 6.9.1; PBS's own client announces one less. */
const LARGEST_WINDOW = 2 ** 31 - 1;

/**
 * The best of each as `--sweep` finds them. CPU-s/GB, lower quartiles of 8 blocks (2 cores of an EPYC, Node 24.21), where
 * differences below 5 % say nothing:
 * - raw receive: buffers of 16 KiB 0.73, 64 KiB 0.71, 256 KiB 0.72, 1 MiB 0.68; a read never brings more than a record
 * - raw send: writes of 128 KiB 0.92, 256 KiB 0.70, 512 KiB 0.62, 1 MiB 0.69, 4 MiB 0.70
 *
 * A receiver may cost less the larger the bursts are that it is sent, so raw bytes are sent as our server sends them,
 * 512 KiB at a time, which is also the best for a raw sender.
 */
export const rawSettings: TransferSettings = {
  readBytes: 64 * KiB,
  writeBytes: 512 * KiB,
  frameBytes: 0,
  streamWindowBytes: 0,
  connectionWindowBytes: 0,
};
/** For comparison only. */
const largeBursts: TransferSettings = { ...rawSettings, writeBytes: 4 * MiB };
/** Our client: frames of 16 KiB 0.84, 64 KiB 0.96, 256 KiB 0.82, 1 MiB 0.81, 4 MiB 0.80. */
export const http2Settings: TransferSettings = {
  readBytes: 64 * KiB,
  writeBytes: 0,
  frameBytes: 4 * MiB,
  streamWindowBytes: LARGEST_WINDOW - 1,
  connectionWindowBytes: LARGEST_WINDOW - 1,
};
/** Its client: frames of 16 KiB 1.58, 64 KiB 1.50, 256 KiB 1.39, 1 MiB 1.51. Its server sends 16 KiB at most. */
export const nodeSettings: TransferSettings = { ...http2Settings, frameBytes: 256 * KiB };

/** 0.8 GB, about a second. */
const CHUNKS = 192;

const streamCounts = [1, 4, 16, 64] as const;
/** Those that a ratio needs. */
const quickStreamCounts = {
  ours: { client: [16], server: [1, 16, 64] },
  node: { client: [16], server: [16] },
} as const;

/** A transfer and what its ends' costs are called, where they are wanted. */
interface Row {
  readonly transfer: Transfer;
  readonly receiver?: Measurement;
  readonly sender?: Measurement;
}

/** The ceiling: nothing but TLS, with the same payload and cipher. */
export const rawTransfer: Transfer = {
  receiver: 'raw',
  sender: 'raw',
  streams: 1,
  chunks: CHUNKS,
  settings: rawSettings,
};

const UNIT = 'CPU-s/GB';

const copies: readonly NamedPrimitive[] = [
  {
    primitive: 'copy-pieces',
    measurement: {
      name: 'copy',
      unit: UNIT,
      settings: '16 KiB at a time, from one hot buffer into 16 x 4 MiB in turn',
    },
  },
  {
    primitive: 'copy-blocks',
    measurement: {
      name: 'copy-blocks',
      unit: UNIT,
      settings: '4 MiB at a time, from 16 x 4 MiB into 16 x 4 MiB in turn',
    },
  },
];

const bursts: Row = {
  transfer: { ...rawTransfer, settings: largeBursts },
  receiver: { name: 'raw-tls-receive-bursts', unit: UNIT, settings: 'sent 4 MiB at a time' },
};

function rows(quick: boolean): Row[] {
  const all = quick ? undefined : streamCounts;
  const client = (name: string, kind: ReceiverKind, streams: number, settings: TransferSettings): Row => ({
    transfer: { receiver: kind, sender: 'ours', streams, chunks: CHUNKS, settings },
    receiver: { name: `client-${name}-${streams}`, unit: UNIT, settings: describe(settings) },
  });
  const server = (name: string, kind: SenderKind, streams: number, settings: TransferSettings): Row => ({
    transfer: { receiver: 'skip', sender: kind, streams, chunks: CHUNKS, settings },
    sender: { name: `server-${name}-${streams}`, unit: UNIT, settings: describe(settings) },
  });
  return [
    {
      transfer: rawTransfer,
      receiver: {
        name: 'raw-tls-receive',
        unit: UNIT,
        settings: `onread into one buffer of ${formatBytes(rawSettings.readBytes)}`,
      },
      sender: {
        name: 'raw-tls-send',
        unit: UNIT,
        settings: `writes of ${formatBytes(rawSettings.writeBytes)}, two at once`,
      },
    },
    {
      transfer: { ...rawTransfer, receiver: 'raw-copy', streams: 16 },
      receiver: { name: 'raw-tls-receive-and-copy', unit: UNIT, settings: 'the same, each piece copied to its place' },
    },
    ...(all ?? quickStreamCounts.ours.client).map((streams) => client('ours', 'ours', streams, http2Settings)),
    ...(all ?? quickStreamCounts.node.client).map((streams) =>
      client('node-http2', 'node-http2', streams, nodeSettings),
    ),
    ...(all ?? quickStreamCounts.ours.server).map((streams) => server('ours', 'ours', streams, http2Settings)),
    ...(all ?? quickStreamCounts.node.server).map((streams) =>
      server('node-http2', 'node-http2', streams, nodeSettings),
    ),
    ...(quick ? [] : [bursts, server('node-http2-two-at-once', 'node-http2-two-at-once', 16, nodeSettings)]),
  ];
}

const describe = ({ frameBytes, streamWindowBytes, connectionWindowBytes }: TransferSettings): string =>
  `frames up to ${formatBytes(frameBytes)}, windows ${formatBytes(streamWindowBytes)} and ${formatBytes(connectionWindowBytes)}`;

/** What HTTP/2 costs at either end over TLS, beside TLS alone and node:http2. */
export function transportFamily(options: { readonly quick: boolean; readonly certificateFolder: string }): Family {
  const all = rows(options.quick);
  return {
    name: 'transport',
    measurements: [
      ...all.flatMap(({ receiver, sender }) => [receiver, sender].filter((one) => one !== undefined)),
      ...copies.map(({ measurement }) => measurement),
    ],
    ratios: [
      ratioOf(
        'client-over-raw-tls-and-copy',
        { atLeast: 0.85 },
        ['client-ours-16', 'raw-tls-receive', 'copy'],
        (cost) => ({ of: cost('raw-tls-receive') + cost('copy'), to: cost('client-ours-16') }),
      ),
      speedRatio('client-over-raw-tls-with-copy', 0.85, 'client-ours-16', 'raw-tls-receive-and-copy'),
      speedRatio('client-over-node-http2', 1.5, 'client-ours-16', 'client-node-http2-16'),
      {
        ...speedRatio('raw-tls-with-copy-over-node-http2', 1.5, 'raw-tls-receive-and-copy', 'client-node-http2-16'),
        exemption: () => 'what a client of no cost of its own would reach',
      },
      speedRatio('server-over-raw-tls', 0.85, 'server-ours-16', 'raw-tls-send'),
      speedRatio('server-over-node-http2-16', 2, 'server-ours-16', 'server-node-http2-16'),
      {
        ...speedRatio('raw-tls-send-over-node-http2-16', 2, 'raw-tls-send', 'server-node-http2-16'),
        exemption: () => 'what a server of no cost of its own would reach',
      },
      speedRatio('server-64-over-1', 0.9, 'server-ours-64', 'server-ours-1'),
    ],
    minimumBlocks: 5,
    async open(wanted, resources) {
      const rig = new TransportRig(resources, options.certificateFolder);
      const transfers = all
        .filter(({ receiver, sender }) => [receiver, sender].some((one) => one !== undefined && wanted.has(one.name)))
        .map((row) => transferProbe(rig, row));
      return [...transfers, ...(await primitiveProbes(copies, wanted, resources))];
    },
  };
}

/** GB per CPU-second of one over that of the other, from their costs. */
const speedRatio = (name: string, atLeast: number, fast: string, slow: string): RatioRule =>
  ratioOf(name, { atLeast }, [fast, slow], (cost) => ({ of: cost(slow), to: cost(fast) }));

function transferProbe(rig: TransportRig, { transfer, receiver, sender }: Row): Probe {
  const ends = [
    ...(receiver === undefined ? [] : [{ name: receiver.name, end: 'receiver' as const }]),
    ...(sender === undefined ? [] : [{ name: sender.name, end: 'sender' as const }]),
  ];
  return {
    measurements: ends.map(({ name }) => name),
    measure: async () => {
      const cost: TransferCost = await rig.measure(transfer);
      return ends.map(({ end }) => cost[end]);
    },
  };
}
