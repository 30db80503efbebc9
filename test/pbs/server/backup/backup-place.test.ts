import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { it } from 'node:test';

import { systemFiles } from '../../../../src/pbs/datastore/file-port.ts';
import { parseSnapshotPath } from '../../../../src/pbs/format/snapshot-path.ts';
import { DatastoreLocks, type HeldLock, type LockMode } from '../../../../src/pbs/lock/datastore-locks.ts';
import { BackupPlace } from '../../../../src/pbs/server/backup/backup-place.ts';
import { copyOfGolden } from '../../datastore/golden.ts';

const newest = '2026-02-16T16:30:44Z';

/** Somebody removes the newest snapshot between two looks of a backup at it. */
class RacedLocks extends DatastoreLocks {
  override async tryLock(folder: string, mode: LockMode): Promise<HeldLock | undefined> {
    if (basename(folder) === newest) rmSync(folder, { recursive: true, force: true });
    return await super.tryLock(folder, mode);
  }
}

it('a backup whose last snapshot is removed as it begins builds on the one before', async () => {
  await using copy = await copyOfGolden(['vm/100']);
  const locks = new RacedLocks(copy.path);
  const place = await BackupPlace.take({
    base: copy.path,
    namespaceFolder: copy.path,
    snapshot: parseSnapshotPath('vm/100/2026-03-01T00:00:00Z'),
    authId: 'bench@pbs',
    isBenchmark: false,
    locks,
    files: systemFiles,
  });
  assert.equal(place.previous?.folder, join(copy.path, 'vm/100/2026-02-15T16:29:43Z'));
  const folder = join(copy.path, 'vm/100', newest);
  const lock = await locks.tryLock(folder, 'exclusive');
  assert.ok(lock !== undefined, 'nobody holds what is gone');
  lock.release();
  await place.remove();
});
