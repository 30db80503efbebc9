// What the recorded clients sent and the logs do not have: chunks from the golden datastore or made anew, configuration
// blobs, manifests.
import assert from 'node:assert/strict';
import { createHmac, hash, pbkdf2Sync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, crc32, zstdCompressSync } from 'node:zlib';

import type { SeenData } from './session-log.ts';

const golden = fileURLToPath(new URL('../../../fixtures/golden/', import.meta.url));

const PLAIN_MAGIC = '42ab3807be8370a1';
const ZSTD_MAGIC = '31b958426fb6a37f';

/** Characters that make a manifest longer. */
const MAX_NOTES = 64;

/** Snapshots whose configuration is that of a recorded backup. */
const configurations = ['vm/100/2026-02-13T16:27:41Z', 'vm/200/2026-02-13T17:26:40Z'];

interface ManifestEntry {
  readonly 'crypt-mode': string;
  readonly csum: string;
  readonly filename: string;
  readonly size: number;
}

/** An archive of a backup that is played. */
interface PlayedArchive {
  readonly name: string;
  /** Of an image. */
  readonly size: number;
  /** What this server calls its writer: a real one numbers those that are asked for together in either order. */
  readonly wid: number;
  /** Of a dynamic archive. */
  readonly entries: { readonly digest: string; readonly end: number }[];
}

export interface SentRequest {
  readonly path: string;
  readonly body: Buffer | undefined;
}

function blobOf(magic: string, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(12);
  header.write(magic, 'hex');
  header.writeUInt32LE(crc32(payload), 8);
  return Buffer.concat([header, payload]);
}

/** As PBS and its clients write it. */
const compressed = (text: string): Buffer => {
  const plain = Buffer.from(text);
  const params = { [constants.ZSTD_c_compressionLevel]: 1 };
  return blobOf(ZSTD_MAGIC, zstdCompressSync(plain, { params, chunkSize: plain.length + 1024 }));
};

/** Keys in order, as deep as it goes. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, member]) => [name, ordered(member)]));
}

/** Chunks that the golden datastore does not have are made of their recorded digests, so that they are always the same. */
export class MadeChunks {
  readonly #made: Map<string, { readonly digest: string; readonly size: number; readonly encoded: Buffer }> = new Map();
  /** Plain bytes by recorded digest, also of chunks that are in the golden datastore. */
  readonly sizes: Map<string, number> = new Map();
  readonly #byDigest: Map<string, Buffer> = new Map();

  make(recorded: string, size: number): Buffer {
    const plain = Buffer.alloc(size, Buffer.from(recorded, 'hex'));
    const encoded = blobOf(PLAIN_MAGIC, plain);
    const digest = hash('sha256', plain);
    this.#made.set(recorded, { digest, size, encoded });
    this.#byDigest.set(digest, encoded);
    return encoded;
  }

  /** The blob that was made for what is asked for now; undefined for any other request. */
  answerTo(path: string): Buffer | undefined {
    return this.#byDigest.get(/^\/chunk\?digest=([0-9a-f]{64})$/u.exec(path)?.[1] ?? '');
  }

  get isEmpty(): boolean {
    return this.#made.size === 0;
  }

  digestOf(recorded: string): string {
    return this.#made.get(recorded)?.digest ?? recorded;
  }

  /** A text in which recorded digests stand for those of what was made instead. */
  translate(text: string): string {
    return text.replaceAll(/[0-9a-f]{64}/gu, (recorded) => this.digestOf(recorded));
  }
}

/** The requests of one recorded backup with the bodies that belong to them. */
export class Bodies {
  readonly #made: MadeChunks;
  readonly #snapshot: { readonly type: string; readonly id: string; readonly time: number };
  readonly #isEncrypted: boolean;
  readonly #files: ManifestEntry[] = [];
  /** By the recorded number of its writer. */
  readonly #archives: Map<number, PlayedArchive> = new Map();

  constructor(made: MadeChunks, upgrade: string) {
    const query = new URLSearchParams(upgrade.slice(upgrade.indexOf('?')));
    this.#made = made;
    this.#snapshot = {
      type: query.get('backup-type') ?? '',
      id: query.get('backup-id') ?? '',
      time: Number(query.get('backup-time')),
    };
    this.#isEncrypted = this.#snapshot.id === '200';
  }

  /** What is sent for a recorded request; `seen` is what the log says of its body. */
  of(path: string, seen: SeenData | undefined): SentRequest {
    const [endpoint = '', text = ''] = path.split('?');
    const query = new URLSearchParams(text);
    switch (endpoint) {
      case '/fixed_index':
      case '/dynamic_index':
        if (seen !== undefined) return { path, body: this.#append(endpoint, seen.text ?? '') };
        return { path, body: undefined };
      case '/fixed_chunk':
      case '/dynamic_chunk':
        return this.#chunk(path, query);
      case '/fixed_close':
      case '/dynamic_close':
        return { path: this.#close(endpoint, path, query), body: undefined };
      case '/blob':
        return { path, body: this.#blob(query.get('file-name') ?? '', Number(query.get('encoded-size')), seen) };
      case '/speedtest':
        return { path, body: Buffer.from(Uint32Array.from({ length: (seen?.total ?? 0) / 4 }, (_, i) => i).buffer) };
      default:
        return { path: this.#made.translate(path), body: undefined };
    }
  }

  #chunk(path: string, query: URLSearchParams): SentRequest {
    const digest = query.get('digest') ?? '';
    const encodedSize = Number(query.get('encoded-size'));
    const file = join(golden, 'store/.chunks', digest.slice(0, 4), digest);
    const stored = existsSync(file) ? readFileSync(file) : undefined;
    this.#made.sizes.set(digest, Number(query.get('size')));
    if (stored !== undefined) {
      assert.equal(stored.length, encodedSize, 'the chunk is the one that was sent');
      return { path: this.#withWid(path, query), body: stored };
    }
    const body = this.#made.make(digest, Number(query.get('size')));
    const sent = path
      .replace(digest, this.#made.digestOf(digest))
      .replace(/encoded-size=\d+/u, `encoded-size=${body.length}`);
    return { path: this.#withWid(sent, query), body };
  }

  /** The server has opened an archive: as which writer, and as which it was recorded. */
  opened(path: string, recordedWid: number, wid: number): void {
    const query = new URLSearchParams(path.slice(path.indexOf('?')));
    const [name, size] = [query.get('archive-name') ?? '', Number(query.get('size'))];
    this.#archives.set(recordedWid, { name, size, wid, entries: [] });
  }

  #withWid(path: string, query: URLSearchParams): string {
    return path.replace(/wid=\d+$/u, `wid=${this.#archive(Number(query.get('wid'))).wid}`);
  }

  #append(endpoint: string, text: string): Buffer {
    const append = JSON.parse(text) as { 'digest-list': string[]; 'offset-list': number[]; wid: number };
    const archive = this.#archive(append.wid);
    if (endpoint === '/dynamic_index') {
      for (const [index, digest] of append['digest-list'].entries()) {
        const end = (append['offset-list'][index] ?? 0) + (this.#made.sizes.get(digest) ?? Number.NaN);
        archive.entries.push({ digest: this.#made.digestOf(digest), end });
      }
    }
    return Buffer.from(this.#made.translate(text).replace(/"wid":\d+/u, `"wid":${archive.wid}`));
  }

  #close(endpoint: string, path: string, query: URLSearchParams): string {
    const archive = this.#archive(Number(query.get('wid')));
    let csum = query.get('csum') ?? '';
    let { size } = archive;
    let sent = path;
    if (endpoint === '/dynamic_close') {
      size = Number(query.get('size'));
      const entries = archive.entries.map(({ end, digest }) => {
        const bytes = Buffer.alloc(40);
        bytes.writeBigUInt64LE(BigInt(end));
        bytes.write(digest, 8, 'hex');
        return bytes;
      });
      csum = hash('sha256', Buffer.concat(entries));
      sent = path.replace(/csum=[0-9a-f]+/u, `csum=${csum}`);
    }
    this.#files.push(this.#entry(archive.name, size, csum));
    return this.#withWid(sent, query);
  }

  #archive(recordedWid: number): PlayedArchive {
    const archive = this.#archives.get(recordedWid);
    assert.ok(archive !== undefined, `writer ${recordedWid} was opened`);
    return archive;
  }

  #blob(name: string, encodedSize: number, seen: SeenData | undefined): Buffer {
    if (name === 'index.json.blob') return this.#manifest(encodedSize);
    const body = this.#configuration(name, encodedSize, seen?.first16 ?? '');
    this.#files.push(this.#entry(name, body.length, hash('sha256', body)));
    return body;
  }

  #configuration(name: string, encodedSize: number, first16: string): Buffer {
    const [magic, beginning] = [first16.slice(0, 16), first16.slice(24)];
    for (const snapshot of configurations) {
      const stored = readFileSync(join(golden, 'store', snapshot, name));
      if (stored.length === encodedSize && stored.toString('hex', 0, 8) === magic) return stored;
    }
    assert.equal(magic, PLAIN_MAGIC);
    const payload = Buffer.alloc(encodedSize - 12, 'name: made by the player\n');
    payload.write(beginning, 'hex');
    return blobOf(PLAIN_MAGIC, payload);
  }

  #entry(filename: string, size: number, csum: string): ManifestEntry {
    return { 'crypt-mode': this.#isEncrypted ? 'encrypt' : 'none', csum, filename, size };
  }

  /** A manifest whose blob is as long as the recorded one: notes of such a length that it comes out so. */
  #manifest(encodedSize: number): Buffer {
    const { type, id, time } = this.#snapshot;
    const signed = { 'backup-id': id, 'backup-time': time, 'backup-type': type, files: this.#files };
    const key = this.#isEncrypted ? goldenKey() : undefined;
    const signature = key === undefined ? null : hmac(key.idKey, JSON.stringify(ordered(signed)));
    const fingerprint = key === undefined ? {} : { 'key-fingerprint': key.fingerprint };
    for (let attempt = 0; attempt < 1000; attempt += 1) {
      const notes = hash('sha512', `${time} ${attempt}`, 'base64').slice(0, attempt % MAX_NOTES);
      const unprotected = notes === '' ? fingerprint : { ...fingerprint, notes };
      const manifest = ordered({ ...signed, signature, unprotected });
      for (const indent of [2, 0]) {
        const blob = compressed(JSON.stringify(manifest, null, indent));
        if (blob.length === encodedSize) return blob;
      }
    }
    throw new Error(`no manifest of ${encodedSize} bytes could be made`);
  }
}

const hmac = (key: Buffer, text: string): string => createHmac('sha256', key).update(text).digest('hex');

function goldenKey(): { readonly idKey: Buffer; readonly fingerprint: string } {
  const file = JSON.parse(readFileSync(join(golden, 'key-golden.json'), 'utf8')) as {
    readonly data: string;
    readonly fingerprint: string;
  };
  return {
    idKey: pbkdf2Sync(Buffer.from(file.data, 'base64'), '_id_key', 10, 32, 'sha256'),
    fingerprint: file.fingerprint,
  };
}
