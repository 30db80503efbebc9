import { join, resolve } from 'node:path';

import { placesFrom } from '../cache/places.ts';
import type { RestoredArchive } from '../journal/journal-format.ts';
import { deviceJournalName } from '../journal/list-journals.ts';
import { RestoreJournal } from '../journal/restore-journal.ts';
import { UsageError } from '../model/errors.ts';
import { formatBytes } from '../model/units.ts';
import { checkDevice, findBlockDevice, openBlockDevice, type BlockDevice } from '../target/block-device.ts';
import {
  checkNewFile,
  hasPartialFile,
  openPartialFile,
  partialPath,
  removePartialFile,
} from '../target/partial-file.ts';
import type { RestoreMedium } from '../target/restore-medium.ts';
import { confirm } from './confirm.ts';
import type { Edge } from './edge.ts';

/** A pipe, or what else standard output is. */
export interface StreamDestination {
  readonly kind: 'stream';
  /** As messages call it. */
  readonly name: string;
  readonly fd: number;
}

/** What can be written at any offset and read back. */
export type MediumDestination =
  | { readonly kind: 'file'; readonly name: string; readonly path: string; readonly journalPath: string }
  | { readonly kind: 'device'; readonly name: string; readonly device: BlockDevice; readonly journalPath: string };

/** What TARGET stands for. */
export type RestoreDestination = StreamDestination | MediumDestination;

/** A medium, and the journal of what is on it. Disposing it leaves both for a later restore. */
export interface OpenedPlace extends AsyncDisposable {
  readonly medium: RestoreMedium;
  readonly journal: RestoreJournal;
}

const journalPathOf = (partial: string): string => `${partial}.journal`;

/**
 * Finds out what TARGET is, and refuses what cannot be restored to, before a server is asked for anything.
 * @throws UsageError as `checkNewFile` and `checkDevice`, `stdout-terminal`, `stdout-missing`; MachineError
 */
export async function findDestination(
  target: string,
  { restart }: { readonly restart: boolean },
  edge: Edge,
): Promise<RestoreDestination> {
  if (target === '-') return standardOutput(edge);
  const path = resolve(edge.cwd, target);
  const device = await findBlockDevice(path);
  if (device !== undefined) {
    checkDevice(device, 0);
    const { restores } = placesFrom(edge.env, edge.home);
    return { kind: 'device', name: device.path, device, journalPath: join(restores, deviceJournalName(device.path)) };
  }
  const journalPath = journalPathOf(partialPath(path));
  await checkNewFile(path, { journalPath, discards: restart });
  return { kind: 'file', name: path, path, journalPath };
}

/**
 * Opens what is restored to, and its journal; with `restart`, what an earlier restore has left is discarded.
 * @throws as `RestoreJournal.open`, `openPartialFile` and `openBlockDevice`
 */
export async function openPlace(
  destination: MediumDestination,
  archive: RestoredArchive,
  { restart, edge: { pid } }: { readonly restart: boolean; readonly edge: Pick<Edge, 'pid'> },
): Promise<OpenedPlace> {
  const { journalPath, name } = destination;
  // A journal without its file, as when a restore is killed at its very end, speaks of nothing that is there.
  const discards = restart || (destination.kind === 'file' && !(await hasPartialFile(destination.path)));
  await using opened = new AsyncDisposableStack();
  const openJournal = async (): Promise<RestoreJournal> =>
    opened.use(await RestoreJournal.open({ path: journalPath, archive, target: name, pid, discards }));
  let place: Pick<OpenedPlace, 'medium' | 'journal'>;
  if (destination.kind === 'device') {
    const medium = opened.use(await openBlockDevice(destination.device));
    place = { medium, journal: await openJournal() };
  } else {
    // The journal is first, so that there is none only where the file is none of ours, and nobody else touches the file.
    const journal = await openJournal();
    if (restart) await removePartialFile(destination.path);
    place = { medium: opened.use(await openPartialFile(destination.path, archive.size)), journal };
  }
  const resources = opened.move();
  return { ...place, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/**
 * Has the user agree to lose what is on a device, if the image fits there.
 * @throws UsageError `device-too-small`, `not-confirmed`
 */
export async function confirmOverwriting(
  destination: MediumDestination,
  imageBytes: number,
  { force, edge }: { readonly force: boolean; readonly edge: Edge },
): Promise<void> {
  if (destination.kind === 'file') return;
  const { path, sizeBytes } = destination.device;
  checkDevice(destination.device, imageBytes);
  if (force) return;
  await confirm(`Everything on ${path} (${formatBytes(sizeBytes)}) will be overwritten.`, edge, {
    skipWith: '--force',
  });
}

/** What a restore that was broken off has left, and how it goes on; two lines. */
export function incompleteText(
  destination: MediumDestination,
  restoredBytes: number,
  size: number,
  { isDamaged }: { readonly isDamaged: boolean },
): string {
  const share = `${formatBytes(restoredBytes)} of ${formatBytes(size)}`;
  const where =
    destination.kind === 'device'
      ? `${destination.name} is incomplete: it has ${share}`
      : `${partialPath(destination.path)} has ${share}`;
  const again = isDamaged ? 'once the damage is repaired, the same command' : 'the same command again';
  return `${where}\nhint: ${again} goes on from there, --restart begins anew`;
}

function standardOutput({ stdout, outputDescriptor }: Edge): RestoreDestination {
  const name = 'standard output';
  if (stdout.isTTY === true) {
    throw new UsageError('standard output is a terminal, and archives are not text', {
      code: 'stdout-terminal',
      hint: 'send it into a pipe or a file: restorelab restore SNAPSHOT ARCHIVE - | ...',
    });
  }
  if (outputDescriptor === undefined)
    throw new UsageError('there is no standard output', { code: 'stdout-missing', hint: 'name a file instead of -' });
  return { kind: 'stream', name, fd: outputDescriptor };
}
