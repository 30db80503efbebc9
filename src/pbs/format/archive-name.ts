import { UsageError } from '../../model/errors.ts';

/** The manifest's own name; its presence marks a snapshot as finished (spec 1.5). */
export const MANIFEST_NAME = 'index.json.blob';

export type ArchiveKind = 'fixed' | 'dynamic' | 'blob';

/** What a server name ends in (spec 1.5). */
const kindsBySuffix: Readonly<Record<string, ArchiveKind>> = { fidx: 'fixed', didx: 'dynamic', blob: 'blob' };

/** What is appended to a client name, by its last extension (spec 1.5). */
const suffixesByExtension: Readonly<Record<string, string>> = {
  img: '.fidx',
  pxar: '.didx',
  mpxar: '.didx',
  ppxar: '.didx',
  pcat1: '.didx',
  conf: '.blob',
  json: '.blob',
  key: '.blob',
  log: '.blob',
};

const serverNamePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]*\.(fidx|didx|blob)$/u;

/** Longer ones fit into no file system. */
const MAX_NAME_LENGTH = 255;

/** Whether this is a name under which a server keeps a file of a snapshot: never a path. */
export const isServerArchiveName = (name: string): boolean =>
  name.length <= MAX_NAME_LENGTH && serverNamePattern.test(name);

/** The kind of a server name; undefined for any other text. */
export function archiveKind(serverName: string): ArchiveKind | undefined {
  if (!isServerArchiveName(serverName)) return undefined;
  return kindsBySuffix[serverName.slice(serverName.lastIndexOf('.') + 1)];
}

/** The server's name, where the name says which it is: not `drive-scsi0`, which only a manifest can complete. */
export function knownServerName(name: string): string | undefined {
  if (isServerArchiveName(name)) return name;
  const extension = name.slice(name.lastIndexOf('.') + 1);
  const suffix = Object.hasOwn(suffixesByExtension, extension) ? suffixesByExtension[extension] : undefined;
  return suffix !== undefined && isServerArchiveName(name + suffix) ? name + suffix : undefined;
}

/** Whether this is a name without suffix and extension, such as `drive-scsi0`. */
export const isShortArchiveName = (name: string): boolean =>
  knownServerName(name) === undefined && isServerArchiveName(`${name}.img.fidx`);

/**
 * The server's name of an archive: `drive-scsi0.img` becomes `drive-scsi0.img.fidx`, a server name stays as it is.
 * @throws UsageError `archive-name`
 */
export function serverArchiveName(name: string): string {
  const complete = knownServerName(name);
  if (complete !== undefined) return complete;
  throw new UsageError(`${JSON.stringify(name)} is not the name of an archive`, {
    code: 'archive-name',
    hint: 'archive names end in .img, .pxar, .conf or the like, e.g. drive-scsi0.img',
  });
}
