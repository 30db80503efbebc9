import { metricValue, type Metric } from '../model/metric.ts';
import { formatBytes, formatShare } from '../model/units.ts';
import type { InspectedArchive } from '../pbs/datastore/inspect.ts';
import { formatTable } from '../ui/table.ts';

/** Problems that are printed one by one; the others are counted. */
const MAX_LISTED_PROBLEMS = 20;

/** One image or archive of files, as lines. */
export function describeArchive(snapshot: string, archive: InspectedArchive): string {
  const { chunkCount, problems, ages, skippedSnapshots } = archive;
  const share = (count: number): string => `${count} (${formatShare(count / chunkCount)})`;
  const shareOf = (count: Metric): string => ('value' in count ? share(count.value) : count.unavailable);
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
    ...storedRows(archive),
  ];
  const lines = [`${snapshot} ${archive.archive}`, formatTable(rows, { indent: '  ' })];
  if (ages.length > 0) {
    lines.push(
      formatTable(
        ages.map(({ snapshot: first, chunks, bytes }) => [first, String(chunks), formatBytes(bytes)]),
        { header: ['first held by', 'chunks', 'stored'], align: ['left', 'right', 'right'], indent: '  ' },
      ),
    );
  }
  for (const { snapshot: skipped, reason } of skippedSnapshots)
    lines.push(`  not looked at for ages: ${skipped}: ${reason}\n`);
  for (const { digest, problem } of problems.slice(0, MAX_LISTED_PROBLEMS))
    lines.push(`  DAMAGED ${digest}: ${problem}\n`);
  if (problems.length > MAX_LISTED_PROBLEMS)
    lines.push(`  and ${problems.length - MAX_LISTED_PROBLEMS} more damaged chunks\n`);
  return lines.join('\n').replaceAll(/\n{2,}/gu, '\n');
}

/** What the chunks themselves have shown, or why they have not. */
function storedRows({ encodings, encodedBytes, uniqueBytes, compressionRatio }: InspectedArchive): string[][] {
  const ratio = metricValue(compressionRatio);
  if (encodedBytes === undefined || uniqueBytes === undefined)
    return [['stored', 'unavailable' in compressionRatio ? compressionRatio.unavailable : '']];
  const kinds = Object.entries(encodings).map(([kind, count]) => `${count} ${kind}`);
  return [
    ['encodings', kinds.join(', ') || 'none readable'],
    [
      'stored',
      `${formatBytes(encodedBytes)} for ${formatBytes(uniqueBytes)}${ratio === undefined ? '' : ` (${ratio.toFixed(2)}:1)`}`,
    ],
  ];
}
