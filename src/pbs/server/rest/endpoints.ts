import { percentDecoded } from '../percent-decoded.ts';
import type { RestEndpoint } from './rest-call.ts';
import { datastoreStatus, datastoreUsage, listDatastores } from './datastores.ts';
import { download } from './download.ts';
import { downloadDecoded } from './download-decoded.ts';
import { listFiles } from './files.ts';
import { forgetGroup, forgetSnapshot } from './forget.ts';
import { listStoreGroups } from './groups.ts';
import { createNamespace, deleteNamespace, listStoreNamespaces } from './namespaces.ts';
import { getGroupNotes, getNotes, setGroupNotes, setNotes } from './notes.ts';
import { getProtection, setProtection } from './protection.ts';
import { listSnapshots } from './snapshots.ts';
import { uploadBackupLog } from './upload-log.ts';
import { showIdentity, showVersion } from './version.ts';

/** By method and path; what stands in braces is a parameter. */
const endpoints: Readonly<Record<string, RestEndpoint>> = {
  'GET version': showVersion,
  'GET nodes/localhost/identity': showIdentity,
  'GET status/datastore-usage': datastoreUsage,
  'GET admin/datastore': listDatastores,
  'GET admin/datastore/{store}/status': datastoreStatus,
  'GET admin/datastore/{store}/namespace': listStoreNamespaces,
  'POST admin/datastore/{store}/namespace': createNamespace,
  'DELETE admin/datastore/{store}/namespace': deleteNamespace,
  'GET admin/datastore/{store}/groups': listStoreGroups,
  'GET admin/datastore/{store}/snapshots': listSnapshots,
  'DELETE admin/datastore/{store}/groups': forgetGroup,
  'DELETE admin/datastore/{store}/snapshots': forgetSnapshot,
  'GET admin/datastore/{store}/files': listFiles,
  'GET admin/datastore/{store}/notes': getNotes,
  'PUT admin/datastore/{store}/notes': setNotes,
  'GET admin/datastore/{store}/group-notes': getGroupNotes,
  'PUT admin/datastore/{store}/group-notes': setGroupNotes,
  'GET admin/datastore/{store}/protected': getProtection,
  'PUT admin/datastore/{store}/protected': setProtection,
  'GET admin/datastore/{store}/download': download,
  'GET admin/datastore/{store}/download-decoded': downloadDecoded,
  'POST admin/datastore/{store}/upload-backup-log': uploadBackupLog,
};

export interface FoundEndpoint {
  readonly endpoint: RestEndpoint;
  readonly ofPath: readonly (readonly [name: string, value: string])[];
}

/** The endpoint of a request below `/api2/json`, and the parameters that its path holds. */
export function findEndpoint(method: string, parts: readonly string[]): FoundEndpoint | undefined {
  const [first, second, store] = parts;
  const isOfStore = first === 'admin' && second === 'datastore' && store !== undefined;
  const pattern = isOfStore ? ['admin', 'datastore', '{store}', ...parts.slice(3)] : parts;
  const key = `${method} ${pattern.join('/')}`;
  const endpoint = Object.hasOwn(endpoints, key) ? endpoints[key] : undefined;
  if (endpoint === undefined) return undefined;
  // What is still encoded when it was decoded once is no name.
  return { endpoint, ofPath: isOfStore ? [['store', percentDecoded(store)]] : [] };
}
