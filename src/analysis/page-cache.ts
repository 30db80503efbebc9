import type { CacheState } from '../model/environment.ts';
import { metric, unavailable, type Metric } from '../model/metric.ts';
import type { CaseRecord, RecordedWarning, TrialRecord } from '../model/records.ts';
import type { CaseReport } from '../model/report.ts';
import { formatShare } from '../model/units.ts';
import { countsAsMeasured } from './measured-trials.ts';

/** Of the chunks' bytes. Less than this from disk is not a cold read: some file was in the cache. */
const COLD_SHARE = 0.9;

/** How much of the chunk files really came from disk; undefined for records that do not know. */
export function pageCacheOf(record: CaseRecord, trials: readonly TrialRecord[]): CaseReport['pageCache'] {
  const asked: CacheState | undefined = record.settings.storage.cache;
  const isFiles = record.image?.chunks !== 'synthesised' && record.settings.server.kind !== 'pbs';
  if (asked === undefined || !isFiles) return undefined;
  const shares = trials.filter(countsAsMeasured).map((trial) => shareFromDisk(record, trial));
  return { asked, fromDiskShare: meanOf(shares) };
}

/** That trials which were to read from a cold cache did not, or that nobody can tell. */
export function pageCacheWarnings(record: CaseRecord, trials: readonly TrialRecord[]): readonly RecordedWarning[] {
  if (record.settings.storage.cache !== 'cold') return [];
  const measured = trials.filter(countsAsMeasured);
  const shares = measured.map((trial) => shareFromDisk(record, trial));
  const warm = shares.flatMap((share) => ('value' in share && share.value < COLD_SHARE ? [share.value] : []));
  const unknown = shares.flatMap((share) => ('unavailable' in share ? [share.unavailable] : []));
  const [failure] = measured.flatMap(({ pageCache }) =>
    pageCache !== undefined && 'unavailable' in pageCache ? [pageCache.unavailable] : [],
  );
  const because = failure === undefined ? '' : ` Dropping it: ${failure}.`;
  const warnings: RecordedWarning[] = [];
  if (warm.length > 0) {
    warnings.push({
      code: 'cache-not-cold',
      sentence: `The page cache was to be cold, but in ${warm.length} of ${measured.length} trials as little as ${formatShare(Math.min(...warm))} of the chunks' bytes came from disk: a file system in memory, or one that caches elsewhere.${because} These are not figures of cold reads.`,
    });
  }
  if (unknown.length > 0) {
    warnings.push({
      code: 'cache-unproven',
      sentence: `The page cache was to be cold, but in ${unknown.length} of ${measured.length} trials it is unknown what came from disk: ${unknown[0]}.${because} Do not take these for figures of cold reads.`,
    });
  }
  return warnings;
}

function shareFromDisk({ image }: CaseRecord, { counters }: TrialRecord): Metric {
  if (image === undefined) return unavailable('unknown: the case was not prepared');
  if (counters === undefined) return unavailable('not recorded');
  const { storage } = counters;
  if ('unavailable' in storage) return storage;
  const { bytesFromDisk = unavailable('not recorded') } = storage;
  if ('unavailable' in bytesFromDisk) return bytesFromDisk;
  const { storedBytes } = image;
  if (storedBytes === undefined) return unavailable('unknown: not every chunk was looked at');
  if (storedBytes === 0) return unavailable('unsupported: the image has no data');
  // The kernel reads ahead, and reads indexes too.
  return metric(Math.min(1, bytesFromDisk.value / storedBytes));
}

function meanOf(shares: readonly Metric[]): Metric {
  let sum = 0;
  for (const share of shares) {
    if ('unavailable' in share) return share;
    sum += share.value;
  }
  return shares.length === 0 ? unavailable('not measured: no trial counts') : metric(sum / shares.length);
}
