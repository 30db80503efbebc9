import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, zstdCompressSync } from 'node:zlib';

import { KnownError } from '../../../src/model/errors.ts';
import { parseArchiveIndex } from '../../../src/pbs/format/archive-index.ts';
import { archiveKind, serverArchiveName } from '../../../src/pbs/format/archive-name.ts';
import { decodeBlob, encodeBlob } from '../../../src/pbs/format/blob.ts';
import { chunkDigest } from '../../../src/pbs/format/digest.ts';
import { readDynamicIndexStream } from '../../../src/pbs/format/dynamic-index.ts';
import { readFixedIndexStream } from '../../../src/pbs/format/fixed-index.ts';
import type { IndexKind } from '../../../src/pbs/format/index-header.ts';
import { parseKeyFile } from '../../../src/pbs/format/key-file.ts';
import { magics } from '../../../src/pbs/format/magic.ts';
import { parseManifest, parseManifestJson, prettyManifest } from '../../../src/pbs/format/manifest.ts';
import { formatSnapshotPath, parseSnapshotPath } from '../../../src/pbs/format/snapshot-path.ts';
import { forEachChunk } from '../../../src/pbs/server/index-chunks.ts';
import { SeededRandom } from '../../../src/material/seeded-random.ts';
import { specCrypt } from './keys.ts';

/** A reader of one format, and sound inputs from which broken ones are made. */
export interface FuzzTarget {
  readonly name: string;
  /** Share of all inputs, relative to the other targets. */
  readonly weight: number;
  readonly seeds: readonly Uint8Array[];
  /** Makes an input itself, instead of changing one of the seeds. */
  readonly make?: (random: SeededRandom) => Buffer;
  /** Makes checksums right again, so that what lies behind them is reached as well; used for half of the inputs. */
  readonly repair?: (input: Buffer) => void;
  /** The errors by which it refuses what is wrong, any other being a defect; default KnownError. */
  readonly refusal?: new (...args: never[]) => Error;
  readonly read: (input: Uint8Array) => void | Promise<void>;
  /** What the inputs so far consisted of, for the summary. */
  readonly parts?: () => string;
}

/** Bound on what a blob may decompress to; small, so that a bomb is found by memory and time. */
const MAX_PLAIN_BYTES = 64 * 1024;

/** All readers of formats that take bytes from outside, with seeds from the golden data. */
export function fuzzTargets(goldenFolder: string): readonly FuzzTarget[] {
  const manifests = filesNamed(goldenFolder, /index\.json\.blob$/u);
  const indexes = filesNamed(goldenFolder, /\.fidx$/u);
  const text = Buffer.alloc(3000, 'what a small blob may hold, ');
  const frame = zstdCompressSync(text);
  const blobs = [
    ...manifests,
    ...filesNamed(goldenFolder, /\.conf\.blob$/u),
    encodeBlob(text, { compress: false }),
    encodeBlob(Buffer.alloc(MAX_PLAIN_BYTES)),
    zstdBlob(Buffer.concat([frame, Buffer.from('532a4d1803000000aabbcc', 'hex'), frame])),
  ];
  const json = manifests.map((blob) => Buffer.from(prettyManifest(parseManifest(blob))));
  const dynamicIndexes = filesNamed(goldenFolder, /\.didx$/u);
  const keyFiles = ['golden', 'scrypt', 'pbkdf2'].map((name) => readFileSync(join(goldenFolder, `key-${name}.json`)));
  const readIndex = (kind: IndexKind, input: Uint8Array): void => {
    const index = parseArchiveIndex(kind, input);
    let bytes = 0;
    for (const slot of index.slots()) bytes += slot.length;
    if (bytes !== index.size) throw new Error(`slots of ${bytes} bytes in an image of ${index.size}`);
  };
  return [
    {
      name: 'blob',
      weight: 4,
      seeds: blobs,
      repair: repairCrc,
      read: (input) => {
        const plain = decodeBlob(input, { maxPlainBytes: MAX_PLAIN_BYTES });
        if (plain.length > MAX_PLAIN_BYTES) throw new Error(`${plain.length} bytes`);
      },
    },
    {
      name: 'encrypted blob',
      weight: 2,
      seeds: [encodeBlob(text, { crypt: specCrypt }), encodeBlob(text, { crypt: specCrypt, compress: false })],
      repair: repairCrc,
      read: (input) => void decodeBlob(input, { maxPlainBytes: MAX_PLAIN_BYTES, crypt: specCrypt }),
    },
    {
      name: 'key file',
      weight: 2,
      seeds: keyFiles,
      read: (input) => void parseKeyFile(Buffer.from(input).toString(), 'a key'),
    },
    {
      name: 'manifest blob',
      weight: 2,
      seeds: manifests,
      repair: repairCrc,
      read: (input) => void parseManifest(input),
    },
    {
      name: 'manifest JSON',
      weight: 4,
      seeds: json,
      read: (input) => {
        const manifest = parseManifestJson(input);
        const again = parseManifestJson(Buffer.from(prettyManifest(manifest)));
        if (prettyManifest(again) !== prettyManifest(manifest)) throw new Error('the manifest does not come back');
      },
    },
    {
      name: 'fixed index',
      weight: 4,
      seeds: indexes,
      repair: repairCsum,
      read: (input) => readIndex('fixed', input),
    },
    {
      name: 'dynamic index',
      weight: 4,
      seeds: dynamicIndexes,
      repair: repairCsum,
      read: (input) => readIndex('dynamic', input),
    },
    {
      name: 'fixed index from a stream',
      weight: 2,
      seeds: indexes,
      repair: repairCsum,
      read: async (input) => {
        const half = input.length >> 1;
        await readFixedIndexStream([input.subarray(0, half), input.subarray(half)], {
          maxDigestBytes: MAX_PLAIN_BYTES,
        });
      },
    },
    {
      name: 'dynamic index from a stream',
      weight: 2,
      seeds: dynamicIndexes,
      repair: repairCsum,
      read: async (input) => {
        const half = input.length >> 1;
        await readDynamicIndexStream([input.subarray(0, half), input.subarray(half)], {
          maxEntryBytes: MAX_PLAIN_BYTES,
        });
      },
    },
    ...(['fixed', 'dynamic'] as const).map((kind) => ({
      name: `digests of a ${kind} index`,
      weight: 1,
      seeds: kind === 'fixed' ? indexes : dynamicIndexes,
      read: (input: Uint8Array): void => {
        const digests = new Set<string>();
        forEachChunk(kind, input, (digest) => digests.add(digest));
        for (const digest of digests) if (!/^[0-9a-f]{64}$/u.test(digest)) throw new Error(`digest ${digest}`);
      },
    })),
    {
      name: 'snapshot path',
      weight: 2,
      seeds: ['vm/100/2026-02-16T16:30:44Z', 'host/anchor-md/2026-02-13T19:28:20Z', 'ct/1/1970-01-01T00:00:01Z'].map(
        (path) => Buffer.from(path),
      ),
      read: (input) => {
        const path = Buffer.from(input).toString();
        if (formatSnapshotPath(parseSnapshotPath(path)) !== path) throw new Error('the path does not come back');
      },
    },
    {
      name: 'archive name',
      weight: 2,
      seeds: ['drive-scsi0.img', 'drive-scsi0.img.fidx', 'root.pxar', 'qemu-server.conf.blob'].map((name) =>
        Buffer.from(name),
      ),
      read: (input) => {
        if (archiveKind(serverArchiveName(Buffer.from(input).toString())) === undefined)
          throw new Error('a name of no kind');
      },
    },
  ];
}

/** What happened to one input. Anything but a result or a refusal is the reader's defect and thrown on. */
export async function readOne(target: FuzzTarget, input: Uint8Array): Promise<'read' | 'refused'> {
  try {
    const result = target.read(input);
    if (result instanceof Promise) await result;
    return 'read';
  } catch (error) {
    if (error instanceof (target.refusal ?? KnownError)) return 'refused';
    throw error;
  }
}

/** Numbers at which readers break: limits of widths, sizes near what the formats use. */
const NUMBERS = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0xffffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  1n << 22n,
  1n << 53n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

/** A broken copy of one of the target's seeds: a few changes of bits, bytes, numbers, pieces or length. */
export function mutate(target: FuzzTarget, random: SeededRandom): Buffer {
  if (target.make !== undefined) return target.make(random);
  let input = Buffer.from(pick(target.seeds, random));
  for (let count = 1 + random.below(4); count > 0; count -= 1) input = change(input, target, random);
  if (target.repair !== undefined && random.below(2) === 0) target.repair(input);
  return input;
}

function change(input: Buffer<ArrayBuffer>, target: FuzzTarget, random: SeededRandom): Buffer<ArrayBuffer> {
  // Headers are short and hold most that can be wrong.
  const at = random.below(random.below(2) === 0 ? Math.min(128, input.length + 1) : input.length + 1);
  const length = random.below(Math.min(64, input.length - at + 1));
  switch (random.below(8)) {
    case 0:
      if (at < input.length) input[at] = (input[at] ?? 0) ^ (1 << random.below(8));
      return input;
    case 1:
      if (at < input.length) input[at] = random.below(256);
      return input;
    case 2:
      if (at + 8 <= input.length) input.writeBigUInt64LE(pick(NUMBERS, random) & ((1n << 64n) - 1n), at);
      return input;
    case 3:
      return input.subarray(0, at);
    case 4:
      return Buffer.concat([input.subarray(0, at), input.subarray(at + length)]);
    case 5:
      return Buffer.concat([input.subarray(0, at), input.subarray(at, at + length), input.subarray(at)]);
    case 6:
      return Buffer.concat([input.subarray(0, at), pick(target.seeds, random).subarray(at, at + 4096)]);
    default:
      return Buffer.concat([input.subarray(0, at), Buffer.from(pick(WORDS, random)), input.subarray(at)]);
  }
}

/** Pieces that mean something to a reader of text. */
const WORDS = [
  '../',
  '/',
  '\0',
  '"',
  '[[[[',
  '{"a":',
  'null',
  '-1',
  '1e999',
  '9007199254740993',
  '__proto__',
  'é',
  '\u{1f4be}',
  '.fidx',
  'Z',
];

const pick = <Member>(members: readonly Member[], random: SeededRandom): Member =>
  members[random.below(members.length)] as Member;

function repairCrc(input: Buffer): void {
  const header = /^(?:7b67|e659)/u.test(input.toString('hex', 0, 2)) ? 44 : 12;
  if (input.length >= header) input.writeUInt32LE(crc32(input.subarray(header)), 8);
}

function repairCsum(input: Buffer): void {
  if (input.length >= 4096) input.write(chunkDigest(input.subarray(4096)), 32, 'hex');
}

function zstdBlob(payload: Uint8Array): Buffer {
  const blob = Buffer.concat([Buffer.from(magics.zstd, 'hex'), Buffer.alloc(4), payload]);
  repairCrc(blob);
  return blob;
}

const filesNamed = (folder: string, pattern: RegExp): readonly Buffer[] =>
  readdirSync(join(folder, 'store'), { recursive: true, encoding: 'utf8' })
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => readFileSync(join(folder, 'store', name)));
