import { hash } from 'node:crypto';

import type { HistorySettings, ImageSettings } from '../model/environment.ts';
import { formatGroup, parseGroup, type BackupGroup } from '../pbs/format/snapshot-path.ts';

/** What the ids of all seeded groups begin with: the first of the two marks. PVE lists only ids that are numbers. */
export const MARKED_ID_PREFIX = 'restorelab-';

/** The second mark: the first line of a snapshot's notes, which PBS lists as its comment. */
const COMMENT = /^Synthetic image of restorelab seed, backup (\d{1,6}) of history ([0-9a-f]{16})$/u;

/** To be raised whenever the same settings would make other bytes. */
const GENERATOR_VERSION = 1;

/** Which backup of which history a snapshot is. */
export interface SeedMark {
  /** From 0, the full one. */
  readonly backup: number;
  /** 16 hex digits that follow from image and change rate. */
  readonly history: string;
}

/** The same for all histories of the same chunks, however many backups they have. */
export function historyId(image: ImageSettings, { changeRate }: Pick<HistorySettings, 'changeRate'>): string {
  const { sizeBytes, zeroShare, repeatedShare, compressionRatio, seed } = image;
  const settings = [GENERATOR_VERSION, sizeBytes, zeroShare, repeatedShare, compressionRatio, seed, changeRate];
  return hash('sha256', JSON.stringify(settings), 'hex').slice(0, 16);
}

/**
 * The notes of a seeded snapshot: its mark, and how it was made.
 * @param command without anything that is secret
 */
export function seedNotes({ backup, history }: SeedMark, command: string): string {
  return `Synthetic image of restorelab seed, backup ${backup + 1} of history ${history}\nMade by: ${command}`;
}

/** Of a snapshot with both marks; undefined for any other. */
export function seedMark({ id }: Pick<BackupGroup, 'id'>, comment: string | undefined): SeedMark | undefined {
  const [, number, history] = (id.startsWith(MARKED_ID_PREFIX) ? COMMENT.exec(comment ?? '') : undefined) ?? [];
  if (number === undefined || history === undefined || Number(number) < 1) return undefined;
  return { backup: Number(number) - 1, history };
}

/**
 * The group that `type/id` means: `vm/9100` is `vm/restorelab-9100`, so that no group of somebody else's is ever written to.
 * @throws UsageError `group`
 */
export function markedGroup(text: string): BackupGroup {
  const { type, id } = parseGroup(text);
  return id.startsWith(MARKED_ID_PREFIX) ? { type, id } : parseGroup(formatGroup({ type, id: MARKED_ID_PREFIX + id }));
}
