import { IntegrityError } from '../../model/errors.ts';
import { checkChunk } from '../datastore/check-chunk.ts';
import { describeChunk, type InspectSource } from '../datastore/inspect-source.ts';
import { parseArchiveIndex } from '../format/archive-index.ts';
import { archiveKind } from '../format/archive-name.ts';
import { MAX_INDEX_BYTES } from '../format/index-header.ts';
import { parseSnapshotPath } from '../format/snapshot-path.ts';
import { snapshotParameters } from './query.ts';
import type { ReaderSession } from './reader-session.ts';
import { placeText } from './refusal.ts';
import { listRemoteSnapshots, type SnapshotPlace } from './remote-snapshots.ts';
import type { RestClient, RestRequest } from './rest-client.ts';

/** As many as pbs-restore asks for. */
export const REMOTE_IN_FLIGHT = 16;

export interface RemoteSourceOptions {
  /** Of the snapshot that is inspected; its memory must do for {@link REMOTE_IN_FLIGHT} chunks. */
  readonly session: ReaderSession;
  readonly rest: RestClient;
  readonly place: Pick<SnapshotPlace, 'store' | 'namespace'>;
  /** `vm/100/2026-02-16T16:30:44Z` */
  readonly snapshot: string;
  readonly signal: AbortSignal;
}

/**
 * A snapshot on a server. Its chunks come through the reader session; the indexes of older snapshots of its group, which
 * tell ages, over REST, so that not each of them is a task in the server's list.
 */
export function remoteSource({ session, rest, place, snapshot, signal }: RemoteSourceOptions): InspectSource {
  return {
    concurrency: REMOTE_IN_FLIGHT,
    // Whatever is not about the bytes of a chunk is about the connection or the server.
    isOfSource: (error) => !(error instanceof IntegrityError),
    readManifest: async () => await session.downloadManifest(signal),
    readIndex: async (name, archive, { crypt }) => {
      if (name === snapshot) return (await session.downloadIndex(archive, signal)).index;
      const bytes = await rest.download({ ...fileRequest(place, name, archive), maxBytes: MAX_INDEX_BYTES, signal });
      const kind = archiveKind(archive) === 'dynamic' ? 'dynamic' : 'fixed';
      return parseArchiveIndex(kind, bytes, crypt === undefined ? {} : { crypt });
    },
    listGroupOf: async (name) => {
      const { type, id } = parseSnapshotPath(name);
      const snapshots = await listRemoteSnapshots(rest, { ...place, group: { type, id } }, signal);
      return {
        snapshots: snapshots.map((one) => ({ name: one.name, files: one.files.map(({ filename }) => filename) })),
      };
    },
    readWhole: async (chunk, crypt, readSignal) => {
      const { bytes, memory } = await session.fetch(chunk.digest, readSignal);
      try {
        checkChunk(bytes, chunk, crypt);
        return describeChunk(bytes, bytes.length, chunk);
      } finally {
        memory.giveBack();
      }
    },
  };
}

/** `GET /admin/datastore/{store}/download` (spec 2.6). */
function fileRequest(
  { store, namespace }: RemoteSourceOptions['place'],
  snapshot: string,
  filename: string,
): Omit<RestRequest, 'signal'> {
  return {
    path: `/admin/datastore/${store}/download`,
    parameters: { ...snapshotParameters(parseSnapshotPath(snapshot), namespace), 'file-name': filename },
    what: `downloading ${snapshot}/${filename} of ${placeText(store, namespace)}`,
    store,
    namespace,
    snapshot,
  };
}
