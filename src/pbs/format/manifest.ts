import { IntegrityError, UsageError } from '../../model/errors.ts';
import { isServerArchiveName, MANIFEST_NAME } from './archive-name.ts';
import { BLOB_HEADER_BYTES, decodeBlob, encodeBlob, parseBlob } from './blob.ts';
import { isDigest } from './digest.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { formatBackupTime, isBackupId, isBackupType, type SnapshotPath } from './snapshot-path.ts';

/** A missing mode is `none`: backups made before 0.8 (spec 6.5.1). */
export const cryptModes = ['none', 'sign-only', 'encrypt'] as const;
export type CryptMode = (typeof cryptModes)[number];

export interface ManifestFile {
  /** Server name, with its suffix. */
  readonly filename: string;
  readonly cryptMode: CryptMode;
  /** Bytes: of an index those of its image or archive, of a blob those of its encoded file. */
  readonly size: number;
  /** Hex: of an index its csum, of a blob the SHA-256 of its encoded file. */
  readonly csum: string;
}

/** `index.json.blob`: what a finished snapshot holds. */
export interface Manifest {
  readonly snapshot: SnapshotPath;
  /** In the order of addition, which is part of the signature. */
  readonly files: readonly ManifestFile[];
  /** 64 hex digits; absent where no key was in use. */
  readonly signature?: string;
  /** Free-form: notes, verification, key fingerprint. */
  readonly unprotected: Readonly<Record<string, unknown>>;
}

/** Real ones have a few KiB, with long notes some more; JSON takes many times its size in memory while it is read. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** No blob of one is longer. */
export const MAX_ENCODED_MANIFEST_BYTES: number = MAX_MANIFEST_BYTES + BLOB_HEADER_BYTES;

/** serde_json, with which PBS reads manifests, gives up at the same depth. */
const MAX_DEPTH = 128;

/**
 * Reads `index.json.blob`. Unknown keys are left alone.
 * @throws IntegrityError: those of `decodeBlob`, `manifest-json`, `manifest-field`, `manifest-encrypted`
 */
export function parseManifest(blob: Uint8Array): Manifest {
  const { kind } = parseBlob(blob);
  if (kind === 'encrypted' || kind === 'zstd-encrypted') {
    throw new IntegrityError('the manifest is encrypted, which PBS never does', { code: 'manifest-encrypted' });
  }
  return parseManifestJson(decodeBlob(blob, { maxPlainBytes: MAX_MANIFEST_BYTES }));
}

/** Reads the JSON inside of the blob; errors as {@link parseManifest}. */
export function parseManifestJson(json: Uint8Array): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch (error) {
    throw new IntegrityError(`the manifest is not JSON: ${(error as Error).message}`, {
      code: 'manifest-json',
      cause: error,
    });
  }
  if (!isJsonObject(value)) throw wrongField('the manifest', 'an object');
  if (!isShallow(value, MAX_DEPTH)) throw wrongField('the manifest', `nested less than ${MAX_DEPTH} deep`);
  const { files, signature, unprotected } = value;
  if (!Array.isArray(files)) throw wrongField('files', 'a list');
  if (signature !== undefined && signature !== null && !(typeof signature === 'string' && isDigest(signature))) {
    throw wrongField('signature', '64 hex digits or null');
  }
  if (unprotected !== undefined && !isJsonObject(unprotected)) throw wrongField('unprotected', 'an object');
  return {
    snapshot: parseSnapshot(value),
    files: files.map((file: unknown, index) => parseFile(file, `files[${index}]`)),
    ...(typeof signature === 'string' ? { signature } : {}),
    unprotected: unprotected ?? {},
  };
}

function parseSnapshot(manifest: JsonObject): SnapshotPath {
  const { 'backup-type': type, 'backup-id': id, 'backup-time': time } = manifest;
  if (typeof type !== 'string' || !isBackupType(type)) throw wrongField('backup-type', 'ct, host or vm');
  if (typeof id !== 'string' || !isBackupId(id)) throw wrongField('backup-id', 'the id of a group');
  if (!isWholeNumber(time)) throw wrongField('backup-time', 'Unix seconds');
  try {
    formatBackupTime(time);
  } catch {
    throw wrongField('backup-time', 'Unix seconds');
  }
  return { type, id, time };
}

function parseFile(file: unknown, place: string): ManifestFile {
  if (!isJsonObject(file)) throw wrongField(place, 'an object');
  const { filename, 'crypt-mode': cryptMode = 'none', size, csum } = file;
  if (typeof filename !== 'string' || !isServerArchiveName(filename))
    throw wrongField(`${place}.filename`, 'a file name');
  const mode = cryptModes.find((known) => known === cryptMode);
  if (mode === undefined) throw wrongField(`${place}.crypt-mode`, cryptModes.join(', '));
  if (!isWholeNumber(size)) throw wrongField(`${place}.size`, 'a number of bytes');
  if (typeof csum !== 'string' || !isDigest(csum)) throw wrongField(`${place}.csum`, '64 hex digits');
  return { filename, cryptMode: mode, size, csum };
}

/** The form that is signed: without `unprotected` and `signature`, without white space (spec 6.5.3). */
export function canonicalManifest(manifest: Manifest): string {
  return JSON.stringify(sorted(protectedPart(manifest)));
}

/** The form that PBS writes: two spaces, keys sorted (spec 6.5.2). */
export function prettyManifest(manifest: Manifest): string {
  const { signature = null, unprotected } = manifest;
  return JSON.stringify(sorted({ ...protectedPart(manifest), signature, unprotected }), null, 2);
}

/** The bytes of `index.json.blob`. */
export function encodeManifest(
  manifest: Manifest,
  { compress = true }: { readonly compress?: boolean } = {},
): Uint8Array {
  return encodeBlob(Buffer.from(prettyManifest(manifest)), { compress });
}

function protectedPart({ snapshot, files }: Manifest): JsonObject {
  return {
    'backup-id': snapshot.id,
    'backup-time': snapshot.time,
    'backup-type': snapshot.type,
    files: files.map(({ filename, cryptMode, size, csum }) => ({ 'crypt-mode': cryptMode, csum, filename, size })),
  };
}

/** Whether a key was in use. Without that key nothing tells that the manifest is as its maker left it. */
export const isSigned = (manifest: Manifest): boolean => manifest.signature !== undefined;

/** Of the key that was in use, colon-separated hex, where the manifest says so. */
export function keyFingerprint({ unprotected }: Manifest): string | undefined {
  const { 'key-fingerprint': fingerprint } = unprotected;
  return typeof fingerprint === 'string' ? fingerprint : undefined;
}

/**
 * The entry of a file.
 * @throws UsageError `archive-not-found` that lists what there is
 */
export function manifestFile(manifest: Manifest, filename: string): ManifestFile {
  const file = manifest.files.find((candidate) => candidate.filename === filename);
  if (file !== undefined) return file;
  const names = manifest.files.map((candidate) => candidate.filename);
  throw new UsageError(`the snapshot has no archive ${filename}`, {
    code: 'archive-not-found',
    hint: names.length === 0 ? `its ${MANIFEST_NAME} lists no files` : `it has ${names.join(', ')}`,
  });
}

/** What of an index the manifest knows. */
export interface IndexFacts {
  readonly size: number;
  /** SHA-256 over all its digests, as computed when it was read. */
  readonly csum: string;
}

/**
 * Checks that an index is the one that the manifest names.
 * @throws IntegrityError `manifest-size`, `manifest-csum`; UsageError `archive-not-found`
 */
export function verifyIndexAgainstManifest(index: IndexFacts, manifest: Manifest, filename: string): void {
  const file = manifestFile(manifest, filename);
  const { csum } = index;
  const hint = 'the index is not the one that was backed up: run a verify job on the server';
  if (index.size !== file.size) {
    throw new IntegrityError(`${filename} is of ${index.size} bytes, the manifest says ${file.size}`, {
      code: 'manifest-size',
      hint,
    });
  }
  if (csum !== file.csum) {
    throw new IntegrityError(`the checksum of ${filename} is ${csum}, the manifest says ${file.csum}`, {
      code: 'manifest-csum',
      hint,
    });
  }
}

const isWholeNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isShallow = (value: unknown, depth: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (depth > 0 && Object.values(value).every((member) => isShallow(member, depth - 1)));

/** The same value with the keys of every object in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((member: unknown) => sorted(member));
  if (!isJsonObject(value)) return value;
  const keys = Object.keys(value).sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key])]));
}

const wrongField = (place: string, expected: string): IntegrityError =>
  new IntegrityError(`the manifest is damaged: ${place} is not ${expected}`, {
    code: 'manifest-field',
    hint: 'choose another snapshot',
  });
