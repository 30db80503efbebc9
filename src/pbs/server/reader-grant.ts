import { namespaceFolder } from '../datastore/layout.ts';
import { isBoolean, readQuery, type ParameterRules } from './parameters.ts';
import { namespaceRule, snapshotOf, snapshotRules, storeRule } from './parameter-rules.ts';
import { ReaderSession } from './reader-session.ts';
import { Refusal } from './refusal.ts';
import { findSnapshot } from './rest/find-snapshot.ts';
import { authorizeGroup } from './rest/rest-call.ts';
import type { SessionGrant } from './session.ts';
import { requireProtocol, type UpgradeRequest } from './upgrade-request.ts';

/** The value of `Upgrade` for a reader. */
export const READER_PROTOCOL = 'proxmox-backup-reader-protocol-v1';

const rules: ParameterRules = {
  ...snapshotRules,
  debug: { check: isBoolean, isOptional: true },
  ns: namespaceRule,
  store: storeRule,
};

/**
 * What `GET /reader` grants (spec 3.1): a session that shares its snapshot with others like it.
 * @throws Refusal 400 for whatever stands in the way, missing privileges and namespaces included (spec 3.2)
 */
export async function grantReader(upgrade: UpgradeRequest): Promise<SessionGrant> {
  const { request, query, caller, server, clock, penaltyMs } = upgrade;
  const parameters = readQuery(query, rules);
  const snapshot = snapshotOf(parameters);
  const right = { anyOf: ['Datastore.Read'], ofOwner: 'Datastore.Backup' } as const;
  const { store, namespace } = await authorizeGroup({ server, caller, parameters, request }, snapshot, right).catch(
    (error: unknown) => {
      throw error instanceof Refusal && error.status === 403 ? new Refusal(400, error.message) : error;
    },
  );
  requireProtocol(request, READER_PROTOCOL);
  const folder = await findSnapshot(store.path, namespaceFolder(store.path, namespace), snapshot);
  const lock = await store.locks.tryLock(folder, 'shared');
  // A real server prints its own structures here (observed, 10); whoever reads them learns the same.
  if (lock === undefined)
    throw new Refusal(
      400,
      `while reading snapshot 'BackupDir { store: ${JSON.stringify(store.name)}, path: ${JSON.stringify(folder)} }'`,
    );
  try {
    await server.beforeReading({ store, folder, signal: request.signal });
  } catch (error) {
    lock.release();
    throw error;
  }
  const chunks = server.chunksOf(store);
  const session = new ReaderSession({ chunks, snapshotFolder: folder, lock, clock, penaltyMs });
  return { kind: 'session', protocol: READER_PROTOCOL, session };
}
