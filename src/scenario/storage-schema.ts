import { z } from 'zod';

import { cacheStates, type StorageSettings } from '../model/environment.ts';
import { LONGEST_DELAY } from './link-schema.ts';
import { count, optionalRate, quantity } from './quantity-schema.ts';

/** Deep enough not to limit a restore that does not ask for more. */
export const DEFAULT_QUEUE_DEPTH = 64;

/** `storage:` */
export const storageSchema: z.ZodType<StorageSettings> = z
  .strictObject({
    readLatency: quantity('duration', {
      description:
        'From the start of a read of one chunk until its first byte: the seek and rotation of a disk, the first byte of an object store.',
      examples: ['12 ms', '100 us'],
      max: LONGEST_DELAY,
    }).prefault('0 ms'),
    bandwidth: optionalRate({
      description: 'Shared by all reads. Unlimited without it.',
      examples: ['250 MB/s', '2 GB/s'],
    }).optional(),
    queueDepth: count({
      description:
        'Reads that are served at the same time; the others wait. 1 is a single disk, about 6 a RAID10 of spinning disks, 32 and more flash.',
      min: 1,
      max: 1024,
      example: 32,
    }).prefault(DEFAULT_QUEUE_DEPTH),
    cache: z.enum(cacheStates).prefault('warm').meta({
      description:
        'Of the chunk files below the emulated disk. warm: from the page cache, as far as they are in it. cold: dropped from it before every trial, where the system permits; what was really read from disk is recorded.',
    }),
  })
  .transform(({ readLatency, bandwidth, queueDepth, cache }): StorageSettings => ({
    readLatencyMs: readLatency,
    ...(bandwidth === undefined ? {} : { bandwidthBytesPerSecond: bandwidth }),
    queueDepth,
    cache,
  }))
  .meta({ description: "The emulated disk below the server's datastore; no latency and no limit without it." });
