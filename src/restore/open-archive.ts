import { UsageError } from '../model/errors.ts';
import type { ChunkSource } from '../model/ports.ts';
import type { ReaderSession } from '../pbs/client/reader-session.ts';
import { requireKey, type DownloadedIndex } from '../pbs/client/snapshot-files.ts';
import { serverArchiveName } from '../pbs/format/archive-name.ts';
import { findArchive } from '../pbs/format/find-archive.ts';
import type { Manifest } from '../pbs/format/manifest.ts';

/** An archive of a snapshot, its chunks to be had over one or several sessions. Disposing it ends them. */
export interface OpenedArchive extends DownloadedIndex, AsyncDisposable {
  /** In the order of their connection numbers. */
  readonly sources: readonly ChunkSource[];
  /** Over all sessions so far, what TLS adds not counted. */
  readonly receivedBytes: () => number;
}

export interface OpenArchiveOptions {
  /** Name as the server has it. */
  readonly archive: string;
  /** At least 1. */
  readonly connections: number;
  readonly connect: (connection: number) => Promise<ReaderSession>;
  readonly signal: AbortSignal;
}

/**
 * Opens so many sessions beside one another. Each downloads the index itself, since a server allows a session only the
 * chunks of indexes that this session has downloaded (spec 4.2). When one fails, the others are ended.
 * @throws as `ReaderSession.downloadIndex`; UsageError `key-missing`, `archive-split`
 */
export async function openArchive({
  archive,
  connections,
  connect,
  signal,
}: OpenArchiveOptions): Promise<OpenedArchive> {
  await using opened = new AsyncDisposableStack();
  const opening = Array.from({ length: connections }, async (_, connection) => {
    const session = opened.use(await connect(connection));
    const manifest = await session.downloadManifest(signal);
    refuseSplit(manifest, archive);
    const downloaded = await session.downloadIndex(archive, signal);
    requireKey(downloaded.file, manifest, downloaded.crypt);
    return { session, downloaded };
  });
  // One that is still being opened beside one that failed must be there before all are ended.
  await Promise.allSettled(opening);
  const all = await Promise.all(opening);
  const [first] = all;
  if (first === undefined) throw new RangeError('a restore needs a session');
  const resources = opened.move();
  return {
    ...first.downloaded,
    sources: all.map(({ session }) => session),
    receivedBytes: () => all.reduce((sum, { session }) => sum + session.receivedBytes, 0),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** A split archive has no stream of its own. */
function refuseSplit(manifest: Manifest, archive: string): void {
  const name = serverArchiveName(archive);
  const { file, otherHalf } = findArchive(manifest, archive);
  if (file.filename === name || otherHalf === undefined) return;
  throw new UsageError(`${name} was split when it was backed up: it has no stream of its own`, {
    code: 'archive-split',
    hint: `name ${file.filename} for names and attributes, or ${otherHalf.filename} for the contents of files`,
  });
}
