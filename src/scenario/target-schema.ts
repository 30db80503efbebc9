import { z } from 'zod';

import type { TargetSettings } from '../model/environment.ts';
import { quantity } from './quantity-schema.ts';

/** `target:`; the path of a file is still as written. */
export const targetSchema: z.ZodType<TargetSettings> = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('discard').meta({ description: 'Restored bytes are proven and thrown away.' }) }),
    z.strictObject({
      kind: z.literal('file').meta({ description: 'A file that is removed again after its hash was taken.' }),
      path: z
        .string()
        .min(1)
        .meta({
          description: 'Path of the file, relative to this file; it must not exist yet.',
          examples: ['../restored.raw'],
        }),
    }),
    z.strictObject({
      kind: z
        .literal('throttled')
        .meta({ description: 'Restored bytes are proven and thrown away at a limited rate, as if a disk took them.' }),
      rate: quantity('rate', {
        description:
          'How fast the target takes data, all writers together; zeros cost nothing, as on a disk that can deallocate.',
        examples: ['120 MB/s'],
        positive: true,
      }),
    }),
  ])
  .transform((target): TargetSettings =>
    target.kind === 'throttled' ? { kind: target.kind, rateBytesPerSecond: target.rate } : target,
  )
  .meta({ description: 'Where the restored bytes go.' });
