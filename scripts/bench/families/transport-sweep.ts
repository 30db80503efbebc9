import { formatBytes, KiB, MiB } from '../../../src/model/units.ts';
import type { ReceiverKind, SenderKind, TransferSettings } from '../ends/control.ts';
import type { Family } from '../family.ts';
import { http2Settings, nodeSettings, rawSettings } from './transport.ts';
import { TransportRig, type Transfer } from './transport-rig.ts';

/** Long enough to rank settings; the ranking of the first ones is then looked at with more blocks. */
const CHUNKS = 128;

interface Candidate {
  readonly name: string;
  readonly end: 'receiver' | 'sender';
  readonly transfer: Transfer;
}

const frameSizes = [16 * KiB, 64 * KiB, 256 * KiB, MiB, 4 * MiB] as const;
const windowSizes = [4 * MiB, 32 * MiB, 2 ** 31 - 2] as const;

const windows = (bytes: number): Pick<TransferSettings, 'streamWindowBytes' | 'connectionWindowBytes'> => ({
  streamWindowBytes: bytes,
  // The connection's is shared by 16 streams.
  connectionWindowBytes: Math.min(16 * bytes, 2 ** 31 - 2),
});

function client(kind: ReceiverKind, settings: TransferSettings): Candidate {
  const { frameBytes, streamWindowBytes } = settings;
  return {
    name: `client-${kind}-frame-${formatBytes(frameBytes)}-window-${formatBytes(streamWindowBytes)}`.replaceAll(
      ' ',
      '',
    ),
    end: 'receiver',
    transfer: { receiver: kind, sender: 'ours', streams: 16, chunks: CHUNKS, settings },
  };
}

function server(kind: SenderKind, settings: TransferSettings): Candidate {
  return {
    name: `server-${kind}-frame-${formatBytes(settings.frameBytes)}`.replaceAll(' ', ''),
    end: 'sender',
    transfer: { receiver: 'skip', sender: kind, streams: 16, chunks: CHUNKS, settings },
  };
}

const raw = (name: string, end: Candidate['end'], settings: Partial<TransferSettings>): Candidate => ({
  name: name.replaceAll(' ', ''),
  end,
  transfer: { receiver: 'raw', sender: 'raw', streams: 1, chunks: CHUNKS, settings: { ...rawSettings, ...settings } },
});

const candidates: readonly Candidate[] = [
  ...[16 * KiB, 64 * KiB, 256 * KiB, MiB].map((readBytes) =>
    raw(`raw-receive-buffer-${formatBytes(readBytes)}`, 'receiver', { readBytes }),
  ),
  ...[64 * KiB, 128 * KiB, 256 * KiB, 512 * KiB, MiB, 4 * MiB].map((writeBytes) =>
    raw(`raw-send-write-${formatBytes(writeBytes)}`, 'sender', { writeBytes }),
  ),
  ...frameSizes.map((frameBytes) => client('ours', { ...http2Settings, frameBytes })),
  ...windowSizes.slice(0, -1).map((bytes) => client('ours', { ...http2Settings, ...windows(bytes) })),
  ...frameSizes.map((frameBytes) => client('node-http2', { ...nodeSettings, frameBytes })),
  ...windowSizes.slice(0, -1).map((bytes) => client('node-http2', { ...nodeSettings, ...windows(bytes) })),
  ...frameSizes.map((frameBytes) => server('ours', { ...http2Settings, frameBytes })),
  server('node-http2', nodeSettings),
  server('node-http2-two-at-once', nodeSettings),
];

/** The settings that the transports could be measured with, side by side: the best of each stands in `transport.ts`. */
export function transportSweep({ certificateFolder }: { readonly certificateFolder: string }): Family {
  return {
    name: 'sweep',
    measurements: candidates.map(({ name }) => ({ name, unit: 'CPU-s/GB' })),
    ratios: [],
    minimumBlocks: 5,
    open: async (wanted, resources) => {
      const rig = new TransportRig(resources, certificateFolder);
      return candidates
        .filter(({ name }) => wanted.has(name))
        .map(({ name, end, transfer }) => ({
          measurements: [name],
          measure: async () => [(await rig.measure(transfer))[end]],
        }));
    },
  };
}
