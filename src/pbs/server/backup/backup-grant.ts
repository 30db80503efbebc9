import { namespaceFolder } from '../../datastore/layout.ts';
import { isBoolean, isTrue, readQuery, type ParameterRules } from '../parameters.ts';
import { namespaceRule, snapshotOf, snapshotRules, storeRule } from '../parameter-rules.ts';
import { Refusal } from '../refusal.ts';
import { authorize, requireWritable } from '../rest/rest-call.ts';
import type { SessionGrant } from '../session.ts';
import { requireProtocol, type UpgradeRequest } from '../upgrade-request.ts';
import { BackupPlace } from './backup-place.ts';
import { BackupSession } from './backup-session.ts';

/** The value of `Upgrade` for a backup. */
export const BACKUP_PROTOCOL = 'proxmox-backup-protocol-v1';

const rules: ParameterRules = {
  ...snapshotRules,
  benchmark: { check: isBoolean, isOptional: true },
  debug: { check: isBoolean, isOptional: true },
  'no-cache': { check: isBoolean, isOptional: true },
  ns: namespaceRule,
  store: storeRule,
};

/** The one group of benchmarks, which must not be used for anything else (spec 2.7). */
const isBenchmarkGroup = ({ type, id }: { readonly type: string; readonly id: string }): boolean =>
  type === 'host' && id === 'benchmark';

/**
 * What `GET /backup` grants (spec 5.1): a session that has its group and snapshot for itself.
 * @throws Refusal 403 without the privilege, 404 without the namespace, 400 for anything else that stands in the way
 */
export async function grantBackup({ request, query, caller, server }: UpgradeRequest): Promise<SessionGrant> {
  const parameters = readQuery(query, rules);
  const snapshot = snapshotOf(parameters);
  const { store, namespace } = authorize({ server, caller, parameters, request }, ['Datastore.Backup']);
  requireWritable(store);
  requireProtocol(request, BACKUP_PROTOCOL);
  const isBenchmark = isTrue(parameters.get('benchmark'));
  if (isBenchmark !== isBenchmarkGroup(snapshot))
    throw new Refusal(400, "benchmarks use the group 'host/benchmark' with the benchmark flag, and nothing else does");
  const place = await BackupPlace.take({
    base: store.path,
    namespaceFolder: namespaceFolder(store.path, namespace),
    snapshot,
    authId: caller.authId,
    isBenchmark,
    locks: store.locks,
    files: server.files,
  });
  return { kind: 'session', protocol: BACKUP_PROTOCOL, session: new BackupSession(place, server.uploads) };
}
