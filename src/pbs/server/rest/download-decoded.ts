import { join } from 'node:path';
import { Readable } from 'node:stream';

import { Datastore } from '../../datastore/open-datastore.ts';
import { archiveKind, MANIFEST_NAME } from '../../format/archive-name.ts';
import { parseArchiveIndex, type ArchiveIndex } from '../../format/archive-index.ts';
import { decodeBlob, MAX_BLOB_PLAIN_BYTES, MAX_ENCODED_BLOB_BYTES } from '../../format/blob.ts';
import { chunkDigest } from '../../format/digest.ts';
import { MAX_INDEX_BYTES } from '../../format/index-header.ts';
import { formatSnapshotPath, type SnapshotPath } from '../../format/snapshot-path.ts';
import type { ChunkReader } from '../chunk-reader.ts';
import { osErrorText } from '../os-error-text.ts';
import { streamAnswer } from '../public-request.ts';
import { readWholeFile } from '../read-whole-file.ts';
import { Refusal } from '../refusal.ts';
import { calledSnapshot } from './called-snapshot.ts';
import { downloadRight, downloadRules } from './download.ts';
import type { RestEndpoint } from './rest-call.ts';

/**
 * `GET /admin/datastore/{store}/download-decoded`: the bytes of an archive or blob that is not encrypted, put together by
 * the server, one chunk after the other and each of them verified. One that is damaged ends the connection early.
 */
export const downloadDecoded: RestEndpoint = {
  isRaw: true,
  rules: downloadRules,
  answer: async (call) => {
    const { access, namespace, snapshot, folder } = await calledSnapshot(call, downloadRight);
    const name = call.parameters.get('file-name') ?? '';
    const kind = archiveKind(name);
    if (kind === undefined) throw new Refusal(400, `unknown archive type: ${JSON.stringify(name)}`);
    await requireReadable(namespace, snapshot, name);
    const bytes = await readWholeFile(
      join(folder, name),
      kind === 'blob' ? MAX_ENCODED_BLOB_BYTES : MAX_INDEX_BYTES,
    ).catch((error: unknown) => {
      throw new Refusal(400, `unable to open ${JSON.stringify(join(folder, name))} - ${osErrorText(error)}`);
    });
    if (kind === 'blob')
      return streamAnswer(Readable.from([decodeBlob(bytes, { maxPlainBytes: MAX_BLOB_PLAIN_BYTES })]));
    const index = parseArchiveIndex(kind, bytes);
    return streamAnswer(Readable.from(archiveBytes(index, call.server.chunksOf(access.store), call.request.signal)));
  },
};

async function requireReadable(namespace: string, snapshot: SnapshotPath, name: string): Promise<void> {
  const { files } = await new Datastore(namespace).readManifest(formatSnapshotPath(snapshot));
  const file = files.find(({ filename }) => filename === name);
  if (file === undefined && name !== MANIFEST_NAME) throw new Refusal(404, `file '${name}' not found in manifest`);
  if (file?.cryptMode === 'encrypt') throw new Refusal(400, `cannot decode '${name}' - is encrypted`);
}

async function* archiveBytes(
  index: ArchiveIndex,
  chunks: ChunkReader,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { digest, length } of index.slots()) {
    const { body, sent } = await chunks.read(digest, signal);
    try {
      const plain = decodeBlob(body, { maxPlainBytes: length });
      if (plain.length !== length || chunkDigest(plain) !== digest) throw new Error(`chunk ${digest} is damaged`);
      // An uncompressed one is a view of memory that is about to be used again.
      yield plain.buffer === body.buffer ? Buffer.from(plain) : plain;
    } finally {
      sent?.();
    }
  }
}
