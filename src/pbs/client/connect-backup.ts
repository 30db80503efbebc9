import { formatSnapshotPath, type SnapshotPath } from '../format/snapshot-path.ts';
import { backupRefused } from './backup-refusal.ts';
import { BackupSession } from './backup-session.ts';
import { openSession, type SessionOptions } from './open-session.ts';
import { placeText } from './refusal.ts';

export interface BackupOptions extends SessionOptions {
  /** To be made: newer than every other of its group. */
  readonly snapshot: SnapshotPath;
}

/**
 * Opens a backup session (spec 5.1). The server keeps every other writer out of the group until it ends.
 * @throws those of `openSession`, and what {@link backupRefused} makes of a refusal
 */
export async function connectBackup(options: BackupOptions): Promise<BackupSession> {
  const { snapshot, store, namespace, clock } = options;
  const { connection, request, socket, watch } = await openSession(options, {
    endpoint: 'backup',
    protocol: 'proxmox-backup-protocol-v1',
    snapshot,
    parameters: { benchmark: 'false', debug: 'false' },
    what: `backing up ${formatSnapshotPath(snapshot)} to ${placeText(store, namespace)}`,
    code: 'backup-refused',
    explain: backupRefused,
  });
  // What leaves counts as well: while a large chunk goes out over a slow line nothing comes in.
  const carriedBytes = (): number => socket.bytesRead + socket.bytesWritten;
  return new BackupSession(connection, { clock, request, watch: { ...watch, carriedBytes } });
}
