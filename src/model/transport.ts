import { formatBytes, formatShare } from './units.ts';
import type { TransportSettings } from './environment.ts';

/** The HTTP/2 implementations that a scenario can choose, for either end. */
export const transportNames = ['h2', 'node:http2'] as const;
export type TransportName = (typeof transportNames)[number];

export interface TransportTraits {
  /** What it is, in a few words. */
  readonly summary: string;
  /** Whether it can be told when to give received bytes back to the server. */
  readonly hasUpdateThreshold: boolean;
}

export const transportCatalogue: Readonly<Record<TransportName, TransportTraits>> = {
  h2: { summary: 'the one of restorelab', hasUpdateThreshold: true },
  // nghttp2 gives back at half a window.
  'node:http2': { summary: 'the one of Node.js', hasUpdateThreshold: false },
};

/** What client and embedded server use unless a scenario says otherwise. */
export const DEFAULT_TRANSPORT: TransportName = 'h2';

/**
 * The TLS 1.3 suites (RFC 8446, B.4) that OpenSSL offers and accepts unless told otherwise, in its order: a PBS takes
 * each of them.
 */
export const tlsCiphers = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'] as const;
export type TlsCipher = (typeof tlsCiphers)[number];

/** Bounds of RFC 9113, 6.5.2 and 6.9.2. */
export const MAX_WINDOW_BYTES = 2_147_483_647;
/** The window of a connection starts with it, and no setting makes it smaller. */
export const MIN_CONNECTION_WINDOW_BYTES = 65_535;
export const MIN_FRAME_BYTES = 16_384;
export const MAX_FRAME_BYTES = 16_777_215;

/** What PBS's own client announces (observed.md): downloads are practically not limited by flow control. */
export const pbsClientWindows = {
  streamWindowBytes: 2_147_483_646,
  connectionWindowBytes: 2_147_483_646,
  maxFrameBytes: 4_194_304,
} as const;

/** What applies where nothing is said. */
export const defaultTransport: TransportSettings = {
  name: DEFAULT_TRANSPORT,
  server: DEFAULT_TRANSPORT,
  ...pbsClientWindows,
};

/** What differs from the default, short: `node:http2, connection window 1 MiB`. */
export function transportText(settings: TransportSettings): string {
  const { name, server, streamWindowBytes, connectionWindowBytes, updateThreshold, maxFrameBytes, tlsCipher } =
    settings;
  return [
    [...new Set([name, server])].join(' to '),
    ...(streamWindowBytes === pbsClientWindows.streamWindowBytes
      ? []
      : [`stream window ${formatBytes(streamWindowBytes)}`]),
    ...(connectionWindowBytes === pbsClientWindows.connectionWindowBytes
      ? []
      : [`connection window ${formatBytes(connectionWindowBytes)}`]),
    ...(updateThreshold === undefined ? [] : [`given back at ${formatShare(updateThreshold)}`]),
    ...(maxFrameBytes === pbsClientWindows.maxFrameBytes ? [] : [`frames ${formatBytes(maxFrameBytes)}`]),
    ...(tlsCipher === undefined ? [] : [tlsCipher]),
  ].join(', ');
}
