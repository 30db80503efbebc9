import { UsageError } from '../../model/errors.ts';
import { isShortArchiveName, knownServerName, serverArchiveName } from './archive-name.ts';
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

/** Extension and suffix of a server name. */
const lastTwoPattern = /^\.[^.]+\.[^.]+$/u;

const halves: Readonly<Record<string, string>> = { mpxar: 'ppxar', ppxar: 'mpxar' };

/**
 * The archive of a name, with or without the server's suffix, or without its extension too. As in PBS's own client, `root.pxar` stands for
 * `root.mpxar` and `root.ppxar` where it was split; `file` is the former.
 * @throws UsageError `archive-name`, `archive-ambiguous`, `archive-not-found`
 */
export function findArchive(manifest: Manifest, name: string): FoundArchive {
  const filename = fullArchiveName(manifest, name);
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

/**
 * The server's name of an archive in this manifest; `drive-scsi0` stands for `drive-scsi0.img.fidx` where no other file begins
 * so.
 * @throws UsageError `archive-name`, `archive-ambiguous`, `archive-not-found`
 */
export function fullArchiveName(manifest: Manifest, name: string): string {
  const known = knownServerName(name);
  if (known !== undefined) return known;
  const names = manifest.files.map(({ filename }) => filename);
  const [only, ...others] = names.filter(
    (filename) => filename.startsWith(`${name}.`) && lastTwoPattern.test(filename.slice(name.length)),
  );
  if (only === undefined)
    return isShortArchiveName(name) ? manifestFile(manifest, name).filename : serverArchiveName(name);
  if (others.length === 0) return only;
  throw new UsageError(`${JSON.stringify(name)} may be ${[only, ...others].join(' or ')}`, {
    code: 'archive-ambiguous',
    hint: 'write the name with its extension',
  });
}
