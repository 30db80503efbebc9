// A process that holds locks: `holder.ts BASE FOLDER MODE PATH...` says which it got and waits to be killed; with the mode
// `race` it tries the first one exclusively, over and over, and says how often it was in there, and how often not alone.
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { DatastoreLocks, type LockMode } from '../../../src/pbs/lock/datastore-locks.ts';

const [base = '', folder = '', mode = '', ...paths] = process.argv.slice(2);
const locks = new DatastoreLocks(base, { folder });
if (mode === 'race') {
  let entered = 0;
  let notAlone = 0;
  const inside = join(base, 'inside');
  for (let round = 0; round < 60; round += 1) {
    const lock = await locks.tryLock(paths[0] ?? '', 'exclusive');
    if (lock === undefined) continue;
    entered += 1;
    try {
      closeSync(openSync(inside, 'wx'));
      await sleep(1);
      rmSync(inside);
    } catch {
      notAlone += 1;
    }
    lock.release();
  }
  process.stdout.write(JSON.stringify({ entered, notAlone }));
} else {
  const got = await Promise.all(paths.map(async (path) => (await locks.tryLock(path, mode as LockMode)) !== undefined));
  process.stdout.write(JSON.stringify(got));
  setInterval(() => {}, 1000);
}
