import { z } from 'zod';

import type { HistorySettings, ImageSettings } from '../model/environment.ts';
import { count, quantity, ratio, refuse } from './quantity-schema.ts';
import { describe } from './wording.ts';

/** What a share can be at most. */
const WHOLE = { value: 1, text: '100 %' } as const;

/** Larger images than any cache of synthetic datastores holds are a slip of the unit. */
const LARGEST_IMAGE = { value: 1024 ** 4, text: '1 TiB' } as const;

/** A fixed text and not the name of the scenario, so that scenarios with equal images share one cached datastore. */
export const DEFAULT_SEED = 'restorelab';

/** A text or whole number from which random choices are made. */
export function seed(description: string): z.ZodType<string, string> {
  return z
    .unknown()
    .transform((written, context) => {
      if (Number.isSafeInteger(written)) return String(written);
      if (typeof written === 'string' && written !== '' && written.length <= LONGEST_SEED) return written;
      return refuse(
        context,
        `expected a seed, found ${describe(written)}`,
        `a text of at most ${LONGEST_SEED} characters, or a whole number`,
      );
    })
    .meta({ type: ['string', 'integer'] as never, description, examples: ['another one', 42] }) as unknown as z.ZodType<
    string,
    string
  >;
}

const LONGEST_SEED = 200;

/** `image:` */
export const imageSchema: z.ZodType<ImageSettings> = z
  .strictObject({
    size: quantity('size', {
      description: 'Size of the virtual disk, zeros included.',
      min: { value: 1, text: '1 B' },
      max: LARGEST_IMAGE,
    }).prefault('512 MiB'),
    zeroShare: quantity('share', {
      description: 'Share of the chunks that are all zeros; they are never fetched.',
      max: WHOLE,
    }).prefault('10 %'),
    repeatedShare: quantity('share', {
      description: 'Share of the chunks that are not zero and whose content stands earlier in the image already.',
      max: WHOLE,
    }).prefault('0 %'),
    compressionRatio: ratio({
      description:
        'Plain bytes per compressed byte that zstd level 1 reaches on the chunks that are not zero; 1 cannot be compressed. Disks of virtual machines are mostly between 1.3 and 3.',
      min: 1,
      max: 1000,
      examples: [1, 2.5, 10],
    }).prefault(1.5),
    seed: seed('The content follows from it; equal settings with equal seeds give equal images.').prefault(
      DEFAULT_SEED,
    ),
  })
  .transform(({ size, zeroShare, repeatedShare, compressionRatio, seed }, context): ImageSettings => {
    if (zeroShare + repeatedShare > 1 + Number.EPSILON) {
      const sum = Math.round((zeroShare + repeatedShare) * 1e6) / 1e4;
      refuse(
        context,
        `zero and repeated chunks together are ${sum} % of the image`,
        '`zeroShare` and `repeatedShare` of together at most 100 %',
        ['repeatedShare'],
      );
    }
    return { sizeBytes: size, zeroShare, repeatedShare, compressionRatio, seed };
  })
  .meta({
    description:
      'The synthetic disk that is backed up and then restored: 512 MiB, 10 % zeros, compressible 1.5 to 1 without it.',
  });

/** `history:` */
export const historySchema: z.ZodType<HistorySettings> = z
  .strictObject({
    depth: count({
      description:
        'Backups in the group, the first full one included; the newest is restored. The chunks of a deep history are spread over many backups.',
      min: 1,
      max: 1000,
      example: 30,
    }).prefault(1),
    changeRate: quantity('share', {
      description: 'Share of the chunks that each backup after the first changes.',
      examples: ['5 %'],
      max: WHOLE,
    }).prefault('5 %'),
  })
  .meta({ description: 'How many backups led to the image; one full backup without it.' });
