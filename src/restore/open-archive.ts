import { openAll, type OpenAllOptions, type Sessions } from '../harness/open-sessions.ts';
import { UsageError } from '../model/errors.ts';
import type { ReaderSession } from '../pbs/client/reader-session.ts';
import { requireKey } from '../pbs/client/snapshot-files.ts';
import { serverArchiveName } from '../pbs/format/archive-name.ts';
import { findArchive } from '../pbs/format/find-archive.ts';
import type { Manifest } from '../pbs/format/manifest.ts';

/**
 * Opens an archive that can be restored, over one or several sessions.
 * @throws as `ReaderSession.downloadIndex`; UsageError `key-missing`, `archive-split`
 */
export async function openArchive(
  connect: (connection: number) => Promise<ReaderSession>,
  options: Omit<OpenAllOptions, 'check'>,
): Promise<Sessions> {
  const { archive, signal } = options;
  return await openAll(connect, {
    ...options,
    check: async (session, { file, crypt }) => {
      const manifest = await session.downloadManifest(signal);
      refuseSplit(manifest, archive);
      requireKey(file, manifest, crypt);
    },
  });
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
