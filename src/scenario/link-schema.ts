import { z } from 'zod';

import type { LinkSettings } from '../model/environment.ts';
import { optionalRate, quantity, refuse } from './quantity-schema.ts';

/** Beyond this a trial would be waiting only; timers also end at 2^31 ms. */
export const LONGEST_DELAY = { value: 60_000, text: '1 min' } as const;

/** `link:` */
export const linkSchema: z.ZodType<LinkSettings> = z
  .strictObject({
    roundTrip: quantity('duration', {
      description: 'Added round trip between client and server, half of it in each direction.',
      examples: ['30 ms', '0.2 ms'],
      max: LONGEST_DELAY,
    }).prefault('0 ms'),
    jitter: quantity('duration', {
      description:
        'How far the delay of each direction varies, uniformly either way; nothing is reordered. At most half the round trip.',
      examples: ['2 ms'],
      max: LONGEST_DELAY,
    }).prefault('0 ms'),
    rate: optionalRate({
      description:
        'Payload rate of the whole link in each direction, shared by all its connections. Unlimited without it.',
    }).optional(),
    connectionRate: optionalRate({
      description:
        'Rate of one connection in each direction, as a TCP window over a long path causes it. Unlimited without it.',
    }).optional(),
  })
  .transform(({ roundTrip, jitter, rate, connectionRate }, context): LinkSettings => {
    if (rate !== undefined && connectionRate !== undefined && connectionRate > rate) {
      refuse(
        context,
        'one connection cannot be faster than the whole link',
        'a `connectionRate` up to the `rate`, or neither',
        ['connectionRate'],
      );
    }
    if (jitter > roundTrip / 2) {
      refuse(
        context,
        'the delay of one direction, half the round trip, cannot vary by more than itself',
        'a `jitter` up to half the `roundTrip`',
        ['jitter'],
      );
    }
    return {
      roundTripMs: roundTrip,
      jitterMs: jitter,
      ...(rate === undefined ? {} : { rateBytesPerSecond: rate }),
      ...(connectionRate === undefined ? {} : { connectionRateBytesPerSecond: connectionRate }),
    };
  })
  .meta({ description: 'The emulated network between server and client; no delay and no limit without it.' });
