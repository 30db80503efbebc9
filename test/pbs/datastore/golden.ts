import { readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { loadKey } from '../../../src/pbs/client/load-key.ts';
import type { CryptConfig } from '../../../src/pbs/format/crypt-config.ts';

/** What the README of the golden data describes; only what the tests look at. */
export interface ExpectedFile {
  readonly 'crypt-mode': string | null;
  readonly csum: string;
  readonly uuid: string;
  readonly ctime: number;
  readonly size: number;
  readonly chunk_size: number;
  readonly chunk_count: number;
  readonly zero_chunk_count: number;
  /** Of a dynamic index: bytes from the start of the stream to the end of each chunk. */
  readonly chunk_ends?: readonly number[];
  /** Of a dynamic archive: SHA-256 of its whole stream. */
  readonly stream_sha256?: string;
  readonly unique_chunk_count: number;
  readonly unique_encoded_bytes: number;
  readonly unique_encodings: Readonly<Record<string, number>>;
  readonly repeated_nonzero: number;
  readonly zero_digest: string;
  readonly file_sha256: string;
  readonly payload_sha256?: string;
  readonly original?: { readonly sha256: string; readonly size: number };
}

interface Expected {
  readonly chunk_store: { readonly bytes: number; readonly chunks: number };
  readonly snapshots: Readonly<
    Record<
      string,
      {
        readonly files: Readonly<Record<string, ExpectedFile>>;
        readonly manifest: Readonly<Record<string, unknown>>;
        readonly owner: string;
        /** Name of the key file, where it is encrypted or signed. */
        readonly keyfile?: string;
      }
    >
  >;
}

export const goldenFolder: string = fileURLToPath(new URL('../../fixtures/golden', import.meta.url));
export const goldenStore: string = join(goldenFolder, 'store');
export const expected: Expected = JSON.parse(readFileSync(join(goldenFolder, 'expected.json'), 'utf8')) as Expected;

export interface ExpectedIndex {
  readonly snapshot: string;
  readonly archive: string;
  readonly facts: ExpectedFile;
  readonly isEncrypted: boolean;
}

const indexesNamed = (pattern: RegExp): readonly ExpectedIndex[] =>
  Object.entries(expected.snapshots).flatMap(([snapshot, { files }]) =>
    Object.entries(files)
      .filter(([archive]) => pattern.test(archive))
      .map(([archive, facts]) => ({ snapshot, archive, facts, isEncrypted: facts['crypt-mode'] === 'encrypt' })),
  );

/** Every fixed index of the golden store. */
export const goldenIndexes: readonly ExpectedIndex[] = indexesNamed(/\.fidx$/u);

/** Every index of the golden store. */
export const goldenArchives: readonly ExpectedIndex[] = indexesNamed(/\.[fd]idx$/u);

/** The key that a golden snapshot was made with; undefined where it was made without. */
export async function goldenKey(snapshot: string): Promise<CryptConfig | undefined> {
  const name = expected.snapshots[snapshot]?.keyfile;
  return name === undefined
    ? undefined
    : await loadKey(join(goldenFolder, name), { passphrase: () => 'anchor-key-pw' });
}

/** An empty folder that is gone afterwards. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'restorelab-datastore-'));
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true, force: true }) };
}

/** A copy of parts of the golden store that may be damaged: unlike the original, it can be written. */
export async function copyOfGolden(parts: readonly string[]): Promise<{ readonly path: string } & AsyncDisposable> {
  const folder = await temporaryFolder();
  for (const part of parts) {
    for (const entry of await readdir(join(goldenStore, part), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const target = join(folder.path, relative(goldenStore, entry.parentPath), entry.name);
      await mkdir(dirname(target), { recursive: true });
      await copyFile(join(entry.parentPath, entry.name), target);
      await chmod(target, 0o644);
    }
  }
  return folder;
}
