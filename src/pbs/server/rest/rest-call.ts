import type { BackupGroup } from '../../format/snapshot-path.ts';
import { parseNamespace } from '../../format/namespace.ts';
import type { FilePort } from '../../datastore/file-port.ts';
import type { Caller } from '../access/access.ts';
import type { Privilege } from '../access/roles.ts';
import type { UploadMemory } from '../backup/upload-memory.ts';
import type { ChunkReader } from '../chunk-reader.ts';
import type { ParameterRules } from '../parameters.ts';
import type { PublicAnswer, PublicRequest } from '../public-request.ts';
import { Refusal } from '../refusal.ts';
import type { ServedStore } from '../served-store.ts';
import { isOwner, ownerOf } from './owner.ts';

/** What the endpoints have of their server. */
export interface RestServer {
  readonly stores: ReadonlyMap<string, ServedStore>;
  /** Names this installation, 32 hex digits. */
  readonly instanceId: string;
  chunksOf(store: ServedStore): ChunkReader;
  /** To be awaited before a connection becomes a reader session. */
  beforeReading(snapshot: OpenedSnapshot): Promise<void>;
  /** What changes datastores. */
  readonly files: FilePort;
  /** Of all backups. */
  readonly uploads: UploadMemory;
}

/** What a reader session is about to read. */
export interface OpenedSnapshot {
  readonly store: ServedStore;
  readonly folder: string;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** A request whose caller is known and whose parameters are right. */
export interface RestCall {
  readonly server: RestServer;
  readonly caller: Caller;
  readonly parameters: ReadonlyMap<string, string>;
  readonly request: PublicRequest;
}

export interface RestEndpoint {
  /** Of all parameters, that of the path included. */
  readonly rules: ParameterRules;
  /** It takes its parameters from the query alone, and reads the body itself (spec 2.5). */
  readonly isRaw?: boolean;
  readonly answer: (call: RestCall) => Promise<PublicAnswer>;
}

/** `['datastore', 'tank', 'a', 'b']`, where the ACL has what may be done in a namespace. */
export const aclPath = (store: string, namespace = ''): readonly string[] => [
  'datastore',
  store,
  ...parseNamespace(namespace),
];

/** The datastore that is called `name`; only to be told to whoever may see it. */
export function requireStore({ stores }: RestServer, name: string): ServedStore {
  const store = stores.get(name);
  if (store === undefined) throw new Refusal(400, `no such datastore '${name}'`);
  return store;
}

/** @throws Refusal 403 unless the caller has one of the privileges, and 400 where there is no such datastore */
export function authorize({ caller, parameters, server }: RestCall, anyOf: readonly Privilege[]): StoreAccess {
  const [name, namespace] = [parameters.get('store') ?? '', parameters.get('ns') ?? ''];
  const granted = caller.privilegesAt(aclPath(name, namespace));
  if (!anyOf.some((privilege) => granted.has(privilege))) throw permissionDenied();
  return { store: requireStore(server, name), namespace, granted, caller };
}

/** @throws Refusal 400 where nothing may be written, in the words of PBS for its maintenance modes (observed, ix) */
export function requireWritable({ name, isReadOnly }: ServedStore): void {
  if (isReadOnly) throw new Refusal(400, `datastore '${name}' is unavailable: read-only maintenance mode:`);
}

/** A datastore, the namespace of it that a call is about, and what its caller may do there. */
export interface StoreAccess {
  readonly store: ServedStore;
  readonly namespace: string;
  readonly granted: ReadonlySet<Privilege>;
  readonly caller: Caller;
}

/** Who may do something with a group: whoever has one of the privileges, and its owner with another one. */
export interface GroupRight {
  readonly anyOf: readonly Privilege[];
  readonly ofOwner: Privilege;
}

/** @throws Refusal as {@link authorize}, and 400 where the privilege is only for an owner */
export async function authorizeGroup(call: RestCall, group: BackupGroup, right: GroupRight): Promise<StoreAccess> {
  const access = authorize(call, [...right.anyOf, right.ofOwner]);
  if (right.anyOf.some((privilege) => access.granted.has(privilege))) return access;
  await requireOwner(access, group);
  return access;
}

async function requireOwner({ store, namespace, caller }: StoreAccess, group: BackupGroup): Promise<void> {
  const owner = await ownerOf(store.path, namespace, group);
  // Of a group that is not there the caller learns that from what the endpoint says.
  if (owner === undefined || isOwner(caller.authId, owner)) return;
  throw new Refusal(400, `backup owner check failed (${caller.authId} != ${owner})`);
}

export const permissionDenied = (): Refusal => new Refusal(403, 'permission check failed');
