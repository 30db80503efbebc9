import { rm } from 'node:fs/promises';

import { z } from 'zod';

import { Cache } from '../cache/cache.ts';
import { placesFrom } from '../cache/places.ts';
import { listUnfinishedRestores } from '../journal/list-journals.ts';
import { exitCodes, type ExitCode } from '../model/errors.ts';
import { formatBytes } from '../model/units.ts';
import { formatTable } from '../ui/table.ts';
import type { Command } from './command.ts';
import { parseArgv } from './parse-argv.ts';

export const cacheCommand: Command = {
  examples: [
    ['cache', 'Where the cache is, what it holds, how large it may grow; devices whose restore is not complete'],
    ['cache clear', 'Remove all generated images that no run is using, and compiled code'],
  ],
  positionals: { action: { choices: ['list', 'clear'] as const, default: 'list', describe: 'What to do' } },
  options: {},
  async run(argv, edge): Promise<ExitCode> {
    const { action } = parseArgv(argv, { action: z.enum(['list', 'clear']) });
    const places = placesFrom(edge.env, edge.home);
    const cache = new Cache(places.cache);
    if (action === 'clear') {
      const { removed, kept } = await cache.clear();
      const freed = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      edge.stdout.write(`Removed ${removed.length} images (${formatBytes(freed)}) from ${cache.folder}\n`);
      await rm(places.code, { recursive: true, force: true });
      if (kept.length > 0) edge.stdout.write(`Kept ${kept.length} that a run is using\n`);
      return exitCodes.fine;
    }
    const entries = await cache.entries();
    const used = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    edge.stdout.write(`${cache.folder}: ${formatBytes(used)} of at most ${formatBytes(cache.limitBytes)}\n`);
    edge.stdout.write(
      formatTable(
        entries.map(({ name, sizeBytes, lastUsedAt, inUse }) => [
          name,
          formatBytes(sizeBytes),
          lastUsedAt.toISOString().slice(0, 16).replace('T', ' '),
          inUse ? 'in use' : '',
        ]),
        {
          align: ['left', 'right'],
          ...(entries.length === 0 ? {} : { header: ['image', 'size', 'last used (UTC)', ''] }),
          indent: '  ',
        },
      ),
    );
    for (const { device, archive, restoredBytes } of await listUnfinishedRestores(places.restores)) {
      const share = `${formatBytes(restoredBytes)} of ${formatBytes(archive.size)}`;
      edge.stdout.write(`${device} is incomplete: it has ${share} of ${archive.archive} of ${archive.snapshot}\n`);
    }
    return exitCodes.fine;
  },
};
