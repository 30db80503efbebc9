import { serverArchiveName } from './archive-name.ts';
import { manifestFile, type Manifest, type ManifestFile } from './manifest.ts';

/** What a user's name of an archive stands for. */
export interface FoundArchive {
  readonly file: ManifestFile;
  /** Of a split archive: the contents of its files, whose names and attributes are in `file` (spec 1.5). */
  readonly payload?: ManifestFile;
}

/**
 * The archive of a name, with or without the server's suffix. As in PBS's own client, `root.pxar` stands for
 * `root.mpxar` and `root.ppxar` where it was split, and so does each of these.
 * @throws UsageError `archive-name`, `archive-not-found`
 */
export function findArchive(manifest: Manifest, name: string): FoundArchive {
  const filename = serverArchiveName(name);
  const has = (candidate: string): boolean => manifest.files.some((file) => file.filename === candidate);
  const stem = /^(?<stem>.+)\.(?:pxar|mpxar|ppxar)\.didx$/u.exec(filename)?.groups?.['stem'];
  const [metadata, payload] = [`${stem}.mpxar.didx`, `${stem}.ppxar.didx`];
  const isSplit = stem !== undefined && has(metadata) && has(payload);
  if (isSplit && (!filename.endsWith('.pxar.didx') || !has(filename))) {
    return { file: manifestFile(manifest, metadata), payload: manifestFile(manifest, payload) };
  }
  return { file: manifestFile(manifest, filename) };
}
