import { snapshotOf } from '../parameter-rules.ts';
import type { SnapshotPath } from '../../format/snapshot-path.ts';
import { findSnapshot } from './find-snapshot.ts';
import { namespaceOf } from './namespaces.ts';
import { authorizeGroup, type GroupRight, type RestCall, type StoreAccess } from './rest-call.ts';

/** The snapshot that a call is about, which its caller has a right to. */
export interface CalledSnapshot {
  readonly access: StoreAccess;
  readonly snapshot: SnapshotPath;
  /** Folder of its namespace. */
  readonly namespace: string;
  /** Where it really is. */
  readonly folder: string;
}

/** @throws Refusal as `authorizeGroup`, 404 without the namespace, 400 where there is no such snapshot */
export async function calledSnapshot(call: RestCall, right: GroupRight): Promise<CalledSnapshot> {
  const snapshot = snapshotOf(call.parameters);
  const access = await authorizeGroup(call, snapshot, right);
  const namespace = await namespaceOf(access);
  return { access, snapshot, namespace, folder: await findSnapshot(access.store.path, namespace, snapshot) };
}
