import { ServerError } from '../model/errors.ts';
import type { Clock } from '../model/ports.ts';
import type { BackupSession } from '../pbs/client/backup-session.ts';
import { makeBackup } from '../pbs/client/make-backup.ts';
import type { UploadedImage } from '../pbs/client/upload-image.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import type { FixedIndex } from '../pbs/format/fixed-index.ts';
import type { SnapshotPath } from '../pbs/format/snapshot-path.ts';
import type { SyntheticHistory } from '../workload/synthetic-history.ts';
import { vmConfiguration } from '../workload/vm-configuration.ts';
import { WORKLOAD_ARCHIVE } from '../workload/workload.ts';
import type { PlannedBackup } from './plan-seed.ts';
import { seedNotes } from './seed-mark.ts';

const CONFIGURATION = 'qemu-server.conf.blob';

export interface SeedHistoryOptions {
  /** Opens the session of a snapshot; it is ended here. */
  readonly connect: (snapshot: SnapshotPath) => Promise<BackupSession>;
  readonly history: SyntheticHistory;
  /** See `historyId`. */
  readonly historyId: string;
  /** In the order of their times. */
  readonly backups: readonly PlannedBackup[];
  /** For the notes: how the history is made; nothing secret. */
  readonly command: string;
  readonly crypt?: CryptConfig;
  /** Whether an increment begins as a copy of the last index; see `UploadImageOptions`. */
  readonly isCopyOfPrevious: boolean;
  /** Chunks in memory at a time. */
  readonly inFlight: number;
  readonly clock: Clock;
  /** Bytes of the images done so far, all backups together. */
  readonly onProgress?: (doneBytes: number) => void;
  readonly onSeeded?: (seeded: SeededBackup) => void;
  readonly signal: AbortSignal;
}

/** A backup that is finished on the server. */
export interface SeededBackup extends PlannedBackup {
  readonly image: UploadedImage;
  readonly durationMs: number;
}

/** For so long a server may take to notice that the session before has ended, and to let go of the group. */
const RELEASE_MS = 30_000;
const RETRY_MS = 100;

/**
 * Uploads backups of a synthetic image one after the other, each in a session of its own as PBS wants it. Whatever ends it
 * early, every snapshot that is left is a finished one.
 * @throws what the sessions throw; the signal's reason when aborted
 */
export async function seedHistory(options: SeedHistoryOptions): Promise<readonly SeededBackup[]> {
  const { backups, clock, onSeeded, onProgress, signal } = options;
  const seeded: SeededBackup[] = [];
  let doneBytes = 0;
  for (const planned of backups) {
    signal.throwIfAborted();
    const startedMs = clock.now();
    const image = await seedOne(planned, options, (bytes) => onProgress?.(doneBytes + bytes));
    doneBytes += image.sizeBytes;
    const one = { ...planned, image, durationMs: clock.now() - startedMs };
    seeded.push(one);
    onSeeded?.(one);
  }
  return seeded;
}

async function seedOne(
  { snapshot, backup }: PlannedBackup,
  options: SeedHistoryOptions,
  onProgress: (doneBytes: number) => void,
): Promise<UploadedImage> {
  const { history, historyId, backups, command, crypt, isCopyOfPrevious, inFlight, signal } = options;
  const image = history.backup(backup);
  const isFirst = backup === backups[0]?.backup;
  await using session = isFirst ? await options.connect(snapshot) : await connectAgain(snapshot, options);
  const [uploaded] = await makeBackup(
    session,
    {
      snapshot,
      images: [{ archive: WORKLOAD_ARCHIVE, image }],
      blobs: [{ name: CONFIGURATION, plain: Buffer.from(vmConfiguration(image.sizeBytes)) }],
      notes: seedNotes({ backup, history: historyId }, command),
    },
    {
      inFlight,
      isCopyOfPrevious,
      ...(crypt === undefined ? {} : { crypt }),
      onProgress,
      onPrevious: (_, index: FixedIndex) => {
        // Digests of backups that an earlier run made; of those of this run they are known.
        if (isFirst && backup > 0 && index.size === image.sizeBytes)
          history.learn(backup - 1, (slot) => index.digestAt(slot));
      },
      signal,
    },
  );
  if (uploaded === undefined) throw new Error('a backup of one image has made none');
  return uploaded;
}

/** Right behind another session of ours, whose lock may still be there. */
async function connectAgain(
  snapshot: SnapshotPath,
  { connect, clock, signal }: SeedHistoryOptions,
): Promise<BackupSession> {
  for (const startedMs = clock.now(); ; await clock.sleep(RETRY_MS, signal)) {
    try {
      return await connect(snapshot);
    } catch (error) {
      const isHeld = error instanceof ServerError && error.code === 'locked';
      if (!isHeld || clock.now() - startedMs > RELEASE_MS) throw error;
    }
  }
}
