import { metric, unavailable, type Metric } from '../../model/metric.ts';
import type { ArchiveIndex } from '../format/archive-index.ts';
import type { CryptConfig } from '../format/crypt-config.ts';
import type { IndexKind } from '../format/index-header.ts';
import type { CryptMode, ManifestFile } from '../format/manifest.ts';

/** What an index alone says of an image or archive of files. Distinct chunks include the chunk of zeros. */
export interface IndexFacts {
  readonly archive: string;
  readonly kind: IndexKind;
  readonly cryptMode: CryptMode;
  /** Bytes. */
  readonly size: number;
  /** Of a dynamic one, its longest chunk. */
  readonly chunkSize: number;
  readonly uuid: string;
  readonly csum: string;
  readonly chunkCount: number;
  /** Slots with a full chunk of zeros. Unknown without the key, which changes its digest, and of archives of files. */
  readonly zeroChunkCount: Metric;
  /** Distinct digests; the chunk of zeros counts as one. */
  readonly uniqueChunkCount: number;
  /** Slots of non-zero chunks whose digest stands at an earlier slot. */
  readonly repeatedNonZeroCount: Metric;
}

/** Plain bytes by digest, in the order of first occurrence. */
export type DistinctChunks = ReadonlyMap<string, number>;

/** Reads through an index once. */
export function indexFacts(
  index: ArchiveIndex,
  { filename, cryptMode }: ManifestFile,
  crypt: CryptConfig | undefined,
): { readonly facts: IndexFacts; readonly chunks: DistinctChunks } {
  const chunks = new Map<string, number>();
  let zeroCount = 0;
  for (const { digest, length, isZero } of index.slots()) {
    if (!chunks.has(digest)) chunks.set(digest, length);
    if (isZero) zeroCount += 1;
  }
  const isUnknown = index.kind === 'fixed' && cryptMode === 'encrypt' && crypt === undefined;
  const unknown = unavailable('unknown without the key, which changes the digest of a chunk of zeros');
  const repeatedCount = index.slotCount - zeroCount - chunks.size + (zeroCount > 0 ? 1 : 0);
  const known = index.kind === 'fixed' ? metric(zeroCount) : unavailable('not told by a dynamic index');
  return {
    chunks,
    facts: {
      archive: filename,
      kind: index.kind,
      cryptMode,
      size: index.size,
      chunkSize: index.chunkSize,
      uuid: index.uuid,
      csum: index.csum,
      chunkCount: index.slotCount,
      zeroChunkCount: isUnknown ? unknown : known,
      uniqueChunkCount: chunks.size,
      repeatedNonZeroCount: isUnknown ? unknown : metric(repeatedCount),
    },
  };
}
