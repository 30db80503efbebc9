import { exitCodes, KnownError } from '../model/errors.ts';
import { openDatastore } from '../pbs/datastore/open-datastore.ts';
import type { Scenario } from '../scenario/load-scenario.ts';

/**
 * Looks for the ready datastores that a scenario names, before anything runs. Damage is left to the trials, which it
 * fails.
 * @throws UsageError when a datastore, snapshot or archive is not there
 */
export async function checkDatastores({ cases }: Scenario): Promise<void> {
  for (const { server } of cases) {
    if (!('datastore' in server)) continue;
    try {
      await (await openDatastore(server.datastore)).findArchive(server.snapshot, server.archive);
    } catch (error) {
      if (!(error instanceof KnownError) || error.exitCode !== exitCodes.failed) throw error;
    }
  }
}
