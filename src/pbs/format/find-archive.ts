import { serverArchiveName } from './archive-name.ts';
import { manifestFile, type Manifest, type ManifestFile } from './manifest.ts';

/** What a user's name of an archive stands for. */
export interface FoundArchive {
  readonly file: ManifestFile;
  /**
   * Of a split archive: where `file` has the names and attributes of files, their contents, and the other way round.
   * Whoever wants the files needs both (spec 1.5).
   */
  readonly otherHalf?: ManifestFile;
}

const halves: Readonly<Record<string, string>> = { mpxar: 'ppxar', ppxar: 'mpxar' };

/**
 * The archive of a name, with or without the server's suffix. As in PBS's own client, `root.pxar` stands for
 * `root.mpxar` and `root.ppxar` where it was split; `file` is the former.
 * @throws UsageError `archive-name`, `archive-not-found`
 */
export function findArchive(manifest: Manifest, name: string): FoundArchive {
  const filename = serverArchiveName(name);
  const named = (wanted: string): ManifestFile | undefined => manifest.files.find((file) => file.filename === wanted);
  const { stem = '', extension = '' } = /^(?<stem>.+)\.(?<extension>[mp]?pxar)\.didx$/u.exec(filename)?.groups ?? {};
  const isOfNoHalf = extension === 'pxar' && named(filename) === undefined;
  const half = isOfNoHalf ? 'mpxar' : extension;
  const otherHalf = Object.hasOwn(halves, half) ? named(`${stem}.${halves[half]}.didx`) : undefined;
  if (isOfNoHalf && otherHalf !== undefined) {
    const metadata = named(`${stem}.mpxar.didx`);
    if (metadata !== undefined) return { file: metadata, otherHalf };
  }
  return { file: manifestFile(manifest, filename), ...(otherHalf === undefined ? {} : { otherHalf }) };
}
