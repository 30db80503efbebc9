import { resolve } from 'node:path';

import { z } from 'zod';

import { monotonicClock } from '../clock/monotonic.ts';
import { exitCodes, type ExitCode } from '../model/errors.ts';
import { metricValue, type Metric } from '../model/metric.ts';
import { formatBytes, formatShare } from '../model/units.ts';
import { inspectArchive, type InspectedArchive } from '../pbs/datastore/inspect.ts';
import { openDatastore } from '../pbs/datastore/open-datastore.ts';
import { LiveRegion } from '../ui/live-region.ts';
import { formatProgress } from '../ui/progress.ts';
import { formatTable } from '../ui/table.ts';
import type { Command } from './command.ts';
import { parseArgv } from './parse-argv.ts';
import { readKey } from './read-key.ts';

/** Problems that are printed one by one; the others are counted. */
const MAX_LISTED_PROBLEMS = 20;

export const inspectCommand: Command = {
  usage: 'inspect <datastore> [snapshot]',
  summary: 'Chunk statistics of a snapshot in a datastore folder: zero, repeated, unique, sizes, ages',
  examples: [
    ['inspect /mnt/datastore/tank', 'What snapshots there are'],
    [
      'inspect /mnt/datastore/tank vm/100/2026-02-16T16:30:44Z',
      'Every image and archive of the snapshot; each chunk is read and checked',
    ],
    ['inspect ./store vm/100/2026-02-16T16:30:44Z --quick', 'Look at headers and sizes only'],
    [
      'inspect ./store vm/200/2026-02-15T18:26:40Z --keyfile key.json',
      'Check what is encrypted too, and the signature',
    ],
    ['inspect ./store vm/100/2026-02-16T16:30:44Z --json', 'The same for programs'],
  ],
  positionals: {
    datastore: { type: 'string', describe: 'Folder of the datastore (holds .chunks)', demandOption: true },
    snapshot: { type: 'string', describe: 'type/id/time, e.g. vm/100/2026-02-16T16:30:44Z; lists them without it' },
  },
  options: {
    quick: { type: 'boolean', default: false, describe: 'Read sizes and headers of chunks, not their contents' },
    keyfile: {
      type: 'string',
      describe: 'Encryption key of the snapshot; its password from PBS_ENCRYPTION_PASSWORD',
    },
    json: { type: 'boolean', default: false, describe: 'Print JSON' },
  },
  async run(argv, edge): Promise<ExitCode> {
    const { datastore, snapshot, quick, keyfile, json } = parseArgv(argv, {
      datastore: z.string(),
      snapshot: z.string().optional(),
      quick: z.boolean(),
      keyfile: z.string('can be given once').optional(),
      json: z.boolean(),
    });
    const clock = monotonicClock();
    const startedMs = clock.now();
    const opened = await openDatastore(resolve(edge.cwd, datastore));
    if (snapshot === undefined) {
      const groups = await opened.listSnapshots();
      const rows = groups.flatMap((group) =>
        group.snapshots.map((one) => [one.name, one.isFinished ? one.files.join(', ') : 'unfinished']),
      );
      edge.stdout.write(rows.length === 0 ? 'The datastore holds no snapshots\n' : formatTable(rows));
      return exitCodes.fine;
    }
    const crypt = keyfile === undefined ? {} : { crypt: await readKey(keyfile, edge) };
    using region = new LiveRegion({ stream: edge.stderr, env: edge.env, clock });
    const inspected = await inspectArchive(opened, snapshot, {
      contents: !quick,
      ...crypt,
      signal: edge.interrupted,
      onProgress: (doneBytes, totalBytes) => {
        const elapsedMs = clock.now() - startedMs;
        if (elapsedMs > 2000)
          region.update([`reading chunks  ${formatProgress({ doneBytes, totalBytes, elapsedMs })}`]);
      },
    });
    region.end();
    if (json) edge.stdout.write(`${JSON.stringify({ formatVersion: 1, ...inspected }, null, 2)}\n`);
    else {
      for (const archive of inspected.archives) edge.stdout.write(`${describeArchive(inspected.snapshot, archive)}\n`);
      if (inspected.archives.length === 0) edge.stdout.write(`${inspected.snapshot} holds no images and archives\n`);
    }
    if (inspected.signatureWarning !== undefined) edge.stderr.write(`warning: ${inspected.signatureWarning}\n`);
    return inspected.archives.some(({ problems }) => problems.length > 0) ? exitCodes.failed : exitCodes.fine;
  },
};

function describeArchive(snapshot: string, archive: InspectedArchive): string {
  const { chunkCount, problems, ages, skippedSnapshots } = archive;
  const share = (count: number): string => `${count} (${formatShare(count / chunkCount)})`;
  const shareOf = (count: Metric): string => ('value' in count ? share(count.value) : count.unavailable);
  const ratio = metricValue(archive.compressionRatio);
  const rows = [
    [
      'size',
      `${formatBytes(archive.size)} in chunks of ${archive.kind === 'fixed' ? '' : 'up to '}${formatBytes(archive.chunkSize)}`,
    ],
    ['encryption', archive.cryptMode],
    ['chunk_count', String(chunkCount)],
    ['zero_chunk_count', shareOf(archive.zeroChunkCount)],
    ['repeated_nonzero', shareOf(archive.repeatedNonZeroCount)],
    ['unique_chunk_count', `${archive.uniqueChunkCount} (the chunk of zeros counts as one)`],
    [
      'encodings',
      Object.entries(archive.encodings)
        .map(([kind, count]) => `${count} ${kind}`)
        .join(', ') || 'none readable',
    ],
    [
      'stored',
      `${formatBytes(archive.encodedBytes)} for ${formatBytes(archive.uniqueBytes)}${ratio === undefined ? '' : ` (${ratio.toFixed(2)}:1)`}`,
    ],
  ];
  const lines = [`${snapshot} ${archive.archive}`, formatTable(rows, { indent: '  ' })];
  lines.push(
    formatTable(
      ages.map(({ snapshot: first, chunks, bytes }) => [first, String(chunks), formatBytes(bytes)]),
      { header: ['first held by', 'chunks', 'stored'], align: ['left', 'right', 'right'], indent: '  ' },
    ),
  );
  for (const { snapshot: skipped, reason } of skippedSnapshots)
    lines.push(`  not looked at for ages: ${skipped}: ${reason}\n`);
  for (const { digest, problem } of problems.slice(0, MAX_LISTED_PROBLEMS))
    lines.push(`  DAMAGED ${digest}: ${problem}\n`);
  if (problems.length > MAX_LISTED_PROBLEMS)
    lines.push(`  and ${problems.length - MAX_LISTED_PROBLEMS} more damaged chunks\n`);
  return lines.join('\n').replaceAll(/\n{2,}/gu, '\n');
}
