import { z } from 'zod';

import type { TransportSettings } from '../model/environment.ts';
import {
  DEFAULT_TRANSPORT,
  MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  MIN_CONNECTION_WINDOW_BYTES,
  MIN_FRAME_BYTES,
  pbsClientWindows,
  tlsCiphers,
  transportCatalogue,
  transportNames,
} from '../model/transport.ts';
import { quantity, refuse } from './quantity-schema.ts';
import { quote } from './wording.ts';

const LARGEST_WINDOW = { value: MAX_WINDOW_BYTES, text: `${MAX_WINDOW_BYTES} B` } as const;

const choices = transportNames.map((name) => `${name}: ${transportCatalogue[name].summary}`).join('; ');

const transportName = z.enum(transportNames);

const settings = z.strictObject({
  name: transportName
    .prefault(DEFAULT_TRANSPORT)
    .meta({ description: `HTTP/2 implementation of the client. ${choices}.` }),
  server: transportName.optional().meta({ description: "Of the embedded server; the client's without it." }),
  streamWindow: quantity('size', {
    description:
      "How much of one chunk may be under way; the default is that of PBS's own client, practically no limit.",
    examples: ['16 MiB'],
    min: { value: 1, text: '1 B' },
    max: LARGEST_WINDOW,
  }).prefault(`${pbsClientWindows.streamWindowBytes} B`),
  connectionWindow: quantity('size', {
    description: 'How much of all chunks together may be under way on one connection.',
    examples: ['32 MiB'],
    min: { value: MIN_CONNECTION_WINDOW_BYTES, text: `${MIN_CONNECTION_WINDOW_BYTES} B` },
    max: LARGEST_WINDOW,
  }).prefault(`${pbsClientWindows.connectionWindowBytes} B`),
  updateThreshold: quantity('share', {
    description:
      "Share of a window that has been received before the server is told of it; the transport's own without it.",
    examples: ['50 %'],
    positive: true,
    max: { value: 1, text: '100 %' },
  }).optional(),
  maxFrame: quantity('size', {
    description: 'Largest frame that the client takes.',
    examples: ['4 MiB'],
    min: { value: MIN_FRAME_BYTES, text: '16 KiB' },
    max: { value: MAX_FRAME_BYTES, text: `${MAX_FRAME_BYTES} B` },
  }).prefault(`${pbsClientWindows.maxFrameBytes} B`),
  tlsCipher: z.enum(tlsCiphers).optional().meta({
    description: 'The only TLS 1.3 cipher suite that the client offers; without it OpenSSL chooses.',
  }),
});

/** `transport:`, a name or a group of keys. */
export const transportSchema: z.ZodType<TransportSettings> = z
  .union([transportName, settings])
  .transform((written, context): TransportSettings => {
    const given = typeof written === 'string' ? settings.parse({ name: written }) : written;
    const { name, server, streamWindow, connectionWindow, updateThreshold, maxFrame, tlsCipher } = given;
    if (updateThreshold !== undefined && !transportCatalogue[name].hasUpdateThreshold) {
      const others = transportNames.filter((other) => transportCatalogue[other].hasUpdateThreshold);
      refuse(
        context,
        `${quote(name)} cannot be told when to give a window back`,
        `${others.map((other) => `\`name: ${other}\``).join(' or ')}${others.length === 0 ? '' : ', or '}no \`updateThreshold\``,
        ['updateThreshold'],
      );
    }
    return {
      name,
      server: server ?? name,
      streamWindowBytes: streamWindow,
      connectionWindowBytes: connectionWindow,
      ...(updateThreshold === undefined ? {} : { updateThreshold }),
      maxFrameBytes: maxFrame,
      ...(tlsCipher === undefined ? {} : { tlsCipher }),
    };
  })
  .meta({
    description: `HTTP/2 and TLS between client and server: a name, or a group of keys. Without it ${DEFAULT_TRANSPORT} with the windows of PBS's own client.`,
    examples: [DEFAULT_TRANSPORT, { name: DEFAULT_TRANSPORT, connectionWindow: '32 MiB' }],
  });
