import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, it } from 'node:test';

import { transportNames } from '../../../src/model/transport.ts';
import { MiB } from '../../../src/model/units.ts';
import { makeBackup } from '../../../src/pbs/client/make-backup.ts';
import { decodeBlob } from '../../../src/pbs/format/blob.ts';
import { canonicalManifest, parseManifest } from '../../../src/pbs/format/manifest.ts';
import { parseSnapshotPath } from '../../../src/pbs/format/snapshot-path.ts';
import { transports } from '../../../src/pbs/transport/transports.ts';
import { readWireLog, type RecordedStream } from '../server/wire-log.ts';
import { goldenBlob, goldenFile, goldenImage } from './golden-image.ts';
import { startRecordingRelay, type RecordedClient } from './recording-relay.ts';
import { ScriptedBackupServer, type SeenRequest } from './scripted-backup-server.ts';

const wire = new URL('../../fixtures/golden/wire/', import.meta.url);
const ARCHIVE = 'drive-scsi0.img.fidx';
const CONFIGURATION = 'qemu-server.conf.blob';
const FULL = 'vm/100/2026-02-13T16:27:41Z';
const INCREMENT = 'vm/100/2026-02-14T16:28:42Z';

/** A request inside of the session, as both sides of the comparison have it. */
interface Comparable {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  /** Text of a JSON body, magic of a blob. */
  readonly body: string;
}

/** Lengths of encoded blobs differ from one zstd to the next. */
const withoutEncodedSize = (path: string): string => path.replace(/encoded-size=\d+/u, 'encoded-size=N');

const isBlob = (path: string): boolean => path.startsWith('/fixed_chunk') || path.startsWith('/blob');

function recordedRequest({ path, request: { fields, bodyText, bodyFirst16 } }: RecordedStream): Comparable {
  const field = (name: string): string => fields.find(([one]) => one === name)?.[1] ?? '';
  return {
    method: field(':method'),
    path: withoutEncodedSize(path),
    contentType: field('content-type'),
    body: isBlob(path) ? bodyFirst16.slice(0, 16) : bodyText,
  };
}

/** Chunks that follow one another are in flight together: in the order of their digests. */
function inOrder(requests: readonly Comparable[]): readonly Comparable[] {
  const isChunk = ({ path }: Comparable): boolean => path.startsWith('/fixed_chunk');
  const chunks = requests.filter(isChunk).toSorted((left, right) => (left.path < right.path ? -1 : 1));
  const first = requests.findIndex(isChunk);
  const last = requests.findLastIndex(isChunk);
  assert.equal(last - first + 1, chunks.length, 'chunks follow one another');
  return [...requests.slice(0, first), ...chunks, ...requests.slice(last + 1)];
}

/** The lines of a request's head that must be alike, with the names that may differ taken out of them. */
const comparableHead = (lines: readonly string[]): readonly string[] =>
  lines
    .filter((line) => !line.startsWith('user-agent:'))
    .map((line) =>
      line
        .replace(/\/\/+/u, '/')
        .replace(/debug=\w+/u, 'debug=X')
        .replace(/^(authorization|host):.*/u, '$1:'),
    );

const seenRequest = ({ method, path, fields, body }: SeenRequest): Comparable => ({
  method,
  path: withoutEncodedSize(path),
  contentType: String(fields['content-type']),
  body: isBlob(path) ? body.toString('hex', 0, 8) : body.toString(),
});

/** Frames in front of the first request, and the fields of each request, in their order. */
function comparableFrames({ clientFrames }: RecordedClient): {
  readonly opening: readonly string[];
  readonly requests: readonly string[];
} {
  const isRequest = (frame: string): boolean => frame.startsWith('HEADERS');
  return {
    // When the server's settings come is its own affair.
    opening: clientFrames.slice(0, clientFrames.findIndex(isRequest)).filter((frame) => frame !== 'SETTINGS ACK'),
    requests: clientFrames
      .filter(isRequest)
      .map((frame) =>
        withoutEncodedSize(frame)
          .replace(/ stream=\d+| len=\d+/gu, '')
          .replace(/user-agent: [^ ]*/u, 'user-agent'),
      )
      .toSorted(),
  };
}

describe('backups of the image that a real client backed up are requested as it did', () => {
  for (const [log, name, previous] of [
    ['backup-image-full.log', FULL, undefined],
    ['backup-image-incremental.log', INCREMENT, FULL],
  ] as const) {
    for (const transport of transportNames) {
      it(`${log}, ${transport}`, async () => {
        const [recorded] = readWireLog(new URL(log, wire));
        assert.ok(recorded !== undefined);
        const last =
          previous === undefined
            ? {}
            : { previous: { snapshot: previous, file: (file: string) => goldenFile(previous, file) } };
        await using server = await ScriptedBackupServer.start(last);
        await using relay = await startRecordingRelay(server.stub.port);
        const { signal } = new AbortController();
        {
          const { port, fingerprint } = relay;
          const client = transports[transport].client;
          await using session = await server.connect(name, { port, fingerprint, transport: client });
          await makeBackup(
            session,
            {
              snapshot: parseSnapshotPath(name),
              images: [{ archive: ARCHIVE, image: goldenImage(name) }],
              blobs: [{ name: CONFIGURATION, plain: goldenBlob(name, CONFIGURATION) }],
            },
            { inFlight: 4, signal },
          );
        }
        const [head] = server.stub.requests.map((request) => request.head.split('\r\n'));
        assert.deepEqual(comparableHead(head ?? []), comparableHead(recorded.exchanges[0]?.requestHead ?? []));
        assert.deepEqual(inOrder(server.seen.map(seenRequest)), inOrder(recorded.streams.map(recordedRequest)));
        const [ours, ...more] = relay.recorded();
        assert.ok(ours !== undefined && more.length === 0);
        assert.deepEqual(comparableFrames(ours), comparableFrames(recorded));
        for (const { path, body } of server.seen) {
          const [, digest] = /digest=(\w+)/u.exec(path) ?? [];
          if (digest !== undefined)
            assert.equal(
              hash('sha256', decodeBlob(body, { maxPlainBytes: 4 * MiB })),
              digest,
              'the chunk is what it says',
            );
        }
        const manifest = parseManifest(server.of('POST', '/blob').at(-1)?.body ?? Buffer.of());
        const original = parseManifest(goldenFile(name, 'index.json.blob'));
        assert.equal(canonicalManifest(manifest), canonicalManifest(original));
      });
    }
  }
});
