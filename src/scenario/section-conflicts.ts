import type { z } from 'zod';

import { refuse } from './quantity-schema.ts';
import type { ParsedScenario } from './schema.ts';

type Sections = Pick<ParsedScenario, 'server' | 'image' | 'history' | 'storage'>;

/** What cannot be together in one case although each section is right by itself. */
export function refuseConflicts({ server, image, history, storage }: Sections, context: z.core.$RefinementCtx): void {
  if ('datastore' in server || server.chunks === 'files') return;
  if (image.repeatedShare > 0) {
    refuse(
      context,
      'the chunks of a synthesised image repeat throughout',
      '`repeatedShare` with `server.chunks: files`, or without it',
      ['image', 'repeatedShare'],
    );
  }
  if (history.depth > 1) {
    refuse(context, 'synthesised chunks have no history', '`history` with `server.chunks: files`, or a `depth` of 1', [
      'history',
      'depth',
    ]);
  }
  if (storage.cache === 'cold') {
    refuse(
      context,
      'synthesised chunks are in memory and have no page cache',
      '`cache: cold` with `server.chunks: files`, or `cache: warm`',
      ['storage', 'cache'],
    );
  }
}
