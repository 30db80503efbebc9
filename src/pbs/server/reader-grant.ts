import { namespaceFolder } from '../datastore/layout.ts';
import type { HeldLock } from '../lock/datastore-locks.ts';
import type { Caller } from './access/access.ts';
import { isBoolean, readQuery, type ParameterRules } from './parameters.ts';
import { namespaceRule, snapshotOf, snapshotRules, storeRule } from './parameter-rules.ts';
import type { PublicRequest } from './public-request.ts';
import { Refusal } from './refusal.ts';
import { findSnapshot } from './rest/find-snapshot.ts';
import { authorizeGroup, type RestServer } from './rest/rest-call.ts';
import type { ServedStore } from './served-store.ts';

/** The connection becomes a reader session of a snapshot. */
export interface ReaderGrant {
  readonly kind: 'reader';
  readonly store: ServedStore;
  readonly snapshotFolder: string;
  /** Keeps the snapshot from being removed until the connection has ended. */
  readonly lock: HeldLock;
}

/** The value of `Upgrade` for a reader; exactly this, letter case included. */
export const READER_PROTOCOL = 'proxmox-backup-reader-protocol-v1';

const rules: ParameterRules = {
  ...snapshotRules,
  debug: { check: isBoolean, isOptional: true },
  ns: namespaceRule,
  store: storeRule,
};

export interface ReaderRequest {
  readonly request: PublicRequest;
  readonly query: string;
  readonly caller: Caller;
  readonly server: RestServer;
}

/**
 * What `GET /reader` grants (spec 3.1).
 * @throws Refusal 400 for whatever stands in the way, missing privileges and namespaces included (spec 3.2)
 */
export async function grantReader({ request, query, caller, server }: ReaderRequest): Promise<ReaderGrant> {
  const parameters = readQuery(query, rules);
  const snapshot = snapshotOf(parameters);
  const right = { anyOf: ['Datastore.Read'], ofOwner: 'Datastore.Backup' } as const;
  const { store, namespace } = await authorizeGroup({ server, caller, parameters, request }, snapshot, right).catch(
    (error: unknown) => {
      throw error instanceof Refusal && error.status === 403 ? new Refusal(400, error.message) : error;
    },
  );
  const protocol = request.headers['upgrade'];
  if (protocol === undefined) throw new Refusal(400, 'missing Upgrade header');
  if (protocol !== READER_PROTOCOL || !request.canUpgrade) throw new Refusal(400, 'invalid protocol name');
  const folder = await findSnapshot(store.path, namespaceFolder(store.path, namespace), snapshot);
  const lock = await store.locks.tryLock(folder, 'shared');
  // Of its lock a real server says nothing (observed, x).
  if (lock === undefined) throw new Refusal(400, `while reading snapshot ${JSON.stringify(folder)}`);
  try {
    await server.beforeReading({ store, folder, signal: request.signal });
  } catch (error) {
    lock.release();
    throw error;
  }
  return { kind: 'reader', store, snapshotFolder: folder, lock };
}
