import { z } from 'zod';

import { chunkOrigins, proofOrigins, samplings, type ServerSettings } from '../model/environment.ts';
import { count, optionalRate, quantity, refuse } from './quantity-schema.ts';
import { text } from './text-schema.ts';
import { quote } from './wording.ts';

/** Type, id and backup time of a snapshot, as PBS writes them in paths and in its user interface. */
const snapshotPattern = /^(vm|ct|host)\/[A-Za-z0-9_][A-Za-z0-9._-]*\/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/u;

const archivePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/u;

const sha256Pattern = /^[0-9a-f]{64}$/u;

/** As pbs-restore has at a time. */
export const DEFAULT_MAX_IN_FLIGHT = 16;

const readyStoreKeys = ['datastore', 'snapshot', 'archive'] as const;

const snapshot = text({
  description: 'The snapshot to restore, of a ready datastore or of a real server.',
  example: 'vm/100/2026-02-16T16:30:44Z',
  noun: 'a snapshot',
  allowed: 'TYPE/ID/TIME with the time in UTC',
  pattern: snapshotPattern,
});

const archive = text({
  description: 'The image in the snapshot; `.img.fidx` may be left out. Or an archive of files: root.pxar.',
  example: 'drive-scsi0.img.fidx',
  noun: 'the name of an archive',
  allowed: 'letters, digits, `.`, `_` and `-`',
  pattern: archivePattern,
});

const keyFile = text({
  description:
    'Encryption key of the snapshot, relative to this file; its password from PBS_ENCRYPTION_PASSWORD or one of its other forms.',
  example: '../test/fixtures/golden/key-golden.json',
  noun: 'a path',
  allowed: 'the path of a file',
  pattern: /^[^\0]+$/u,
});

const embeddedServer = z.strictObject({
  kind: z.literal('embedded').meta({ description: 'A server inside restorelab that speaks the protocol of PBS.' }),
  chunks: z.enum(chunkOrigins).optional().meta({
    description:
      'Of a synthetic image. files: each chunk is a file in a datastore. synthesised: the server makes 32 chunks in its memory, which repeat throughout an image of any size; it needs no disk, and has no history. files without it.',
  }),
  processes: count({
    description:
      'Processes of the server; connections are spread over them in turn, so that strategies with several connections can use several cores. Each has an emulated disk of its own. 1 without it.',
    min: 1,
    max: 64,
    example: 2,
  }).prefault(1),
  datastore: text({
    description: 'Folder of a ready datastore, relative to this file. Without it a synthetic image is made.',
    example: '../test/fixtures/golden/store',
    noun: 'a path',
    allowed: 'the path of a folder',
    pattern: /^[^\0]+$/u,
  }).optional(),
  snapshot: snapshot.optional(),
  archive: archive.optional(),
  keyFile: keyFile.optional(),
  sha256: text({
    description: 'SHA-256 of the whole image; the restored bytes are held against it.',
    example: '9b65abf1202c8c8e9f2d55557b8b3f40ffc9d1964dd4a6766499546ac9714dd1',
    noun: 'a SHA-256',
    allowed: '64 lower-case hex digits',
    pattern: sha256Pattern,
  }).optional(),
});
type WrittenEmbedded = z.output<typeof embeddedServer>;

const realServer = z.strictObject({
  kind: z.literal('pbs').meta({
    description:
      'A real Proxmox Backup Server, which is only read. Password, fingerprint and key password come from PBS_* variables.',
  }),
  repository: text({
    description: '[[user@realm[!token]@]host[:port]:]datastore; that of PBS_REPOSITORY without it.',
    example: 'bench@pbs@10.0.0.5:tank',
    noun: 'a repository',
    allowed: '[[user@realm[!token]@]host[:port]:]datastore, without a password',
    // spec 1.2: a password has no place in it.
    pattern:
      /^(?=.{1,256}$)(?:(?:[^\s:/]+@[A-Za-z0-9_][A-Za-z0-9._-]*(?:![A-Za-z0-9_][A-Za-z0-9._-]*)?@)?(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):)?(?:[0-9]{1,5}:)?[A-Za-z0-9_][A-Za-z0-9._-]*$/u,
  }).optional(),
  namespace: text({
    description: 'Namespace of the snapshot; that of PBS_NAMESPACE, or the root, without it.',
    example: 'offsite/a',
    noun: 'a namespace',
    allowed: 'up to 7 names joined by `/`',
    pattern: /^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*){0,6}$/u,
  }).optional(),
  snapshot,
  archive,
  keyFile: keyFile.optional(),
  sample: quantity('size', {
    description: 'Restores only so much of the image, zeros included; all of it without it.',
    examples: ['8 GiB'],
    positive: true,
  }).optional(),
  sampling: z.enum(samplings).optional().meta({
    description:
      'Where the sample is from. spread: runs of 16 chunks, evenly over the image. contiguous: one piece, where the share of zeros is that of the whole. spread without it.',
  }),
  maxInFlight: count({
    description:
      'Requests at a time over all connections, at most; strategies that ask for more are refused. 16 without it, as the restore that is shipped has.',
    min: 1,
    max: 200,
    example: 32,
  }).prefault(DEFAULT_MAX_IN_FLIGHT),
  maxRate: optionalRate({
    description:
      'What is asked of the server at most, so that others can use it meanwhile; then nothing is said of the link. Unlimited without it.',
    examples: ['100 MB/s'],
  }).optional(),
  proof: z.enum(proofOrigins).prefault('digests').meta({
    description:
      'What restored bytes are held against. digests: those of the index, which every chunk must have. reference: one restore more, untimed, before the first trial.',
  }),
});
type WrittenReal = z.output<typeof realServer>;

/** `server:`; paths are still as written. */
export const serverSchema: z.ZodType<ServerSettings> = z
  .discriminatedUnion('kind', [embeddedServer, realServer])
  .transform((written, context) => (written.kind === 'pbs' ? real(written, context) : embedded(written, context)))
  .meta({
    description:
      'Where chunks come from: the embedded server with a synthetic image or a ready datastore, or a real server.',
  });

function real(
  { archive: image, sample, sampling, maxRate, ...given }: WrittenReal,
  context: z.core.$RefinementCtx,
): ServerSettings {
  if (sampling !== undefined && sample === undefined)
    refuse(context, 'there is no sample to choose', '`sampling` with `sample`', ['sampling']);
  const { repository, namespace, keyFile: key, ...rest } = given;
  return {
    ...rest,
    ...(repository === undefined ? {} : { repository }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(key === undefined ? {} : { keyFile: key }),
    archive: archiveName(image, context),
    ...(sample === undefined ? {} : { sampleBytes: sample, sampling: sampling ?? 'spread' }),
    ...(maxRate === undefined ? {} : { maxRateBytesPerSecond: maxRate }),
  };
}

function embedded(
  { kind, chunks, processes, ...ready }: WrittenEmbedded,
  context: z.core.$RefinementCtx,
): ServerSettings {
  const { datastore, snapshot: of, archive: image, keyFile: key, sha256 } = ready;
  if (chunks !== undefined && datastore !== undefined) {
    refuse(context, 'a ready datastore has chunks of its own', '`chunks` without `datastore`, or the other way round', [
      'chunks',
    ]);
  }
  if (datastore !== undefined && of !== undefined && image !== undefined) {
    return {
      kind,
      processes,
      datastore,
      snapshot: of,
      archive: archiveName(image, context),
      ...(key === undefined ? {} : { keyFile: key }),
      ...(sha256 === undefined ? {} : { sha256 }),
    };
  }
  const given = Object.entries(ready).find(([, value]) => value !== undefined);
  const missing = readyStoreKeys.filter((key) => ready[key] === undefined);
  if (given !== undefined) {
    refuse(
      context,
      `a ready datastore needs \`${missing.join('` and `')}\` too`,
      '`datastore`, `snapshot` and `archive` together, or none of them',
      [given[0]],
    );
  }
  return { kind, processes, chunks: chunks ?? 'files' };
}

/** `drive-scsi0`, `drive-scsi0.img` and `drive-scsi0.img.fidx` are the same image; `root.pxar` is an archive of files. */
function archiveName(written: string, context: z.core.$RefinementCtx): string {
  if (/\.(?:blob|conf|json|key|log)$/u.test(written)) {
    refuse(
      context,
      `${quote(written)} is not an archive of chunks; only images and archives of files can be restored`,
      'the name of an archive, for example drive-scsi0.img.fidx or root.pxar.didx',
      ['archive'],
    );
  }
  if (/\.[fd]idx$/u.test(written)) return written;
  if (/\.(?:[mp]?pxar|pcat1)$/u.test(written)) return `${written}.didx`;
  return written.endsWith('.img') ? `${written}.fidx` : `${written}.img.fidx`;
}
