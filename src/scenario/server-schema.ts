import { z } from 'zod';

import { chunkOrigins, type ServerSettings } from '../model/environment.ts';
import { count, refuse } from './quantity-schema.ts';
import { text } from './text-schema.ts';
import { quote } from './wording.ts';

/** Type, id and backup time of a snapshot, as PBS writes them in paths and in its user interface. */
const snapshotPattern = /^(vm|ct|host)\/[A-Za-z0-9_][A-Za-z0-9._-]*\/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/u;

const archivePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/u;

const sha256Pattern = /^[0-9a-f]{64}$/u;

const readyStoreKeys = ['datastore', 'snapshot', 'archive'] as const;

/** `server:`; the path of a ready datastore is still as written. */
export const serverSchema: z.ZodType<ServerSettings> = z
  .strictObject({
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
    snapshot: text({
      description: 'The snapshot of the ready datastore to restore.',
      example: 'vm/100/2026-02-16T16:30:44Z',
      noun: 'a snapshot',
      allowed: 'TYPE/ID/TIME with the time in UTC',
      pattern: snapshotPattern,
    }).optional(),
    archive: text({
      description: 'The image in the snapshot; `.img.fidx` may be left out. Or an archive of files: root.pxar.',
      example: 'drive-scsi0.img.fidx',
      noun: 'the name of an archive',
      allowed: 'letters, digits, `.`, `_` and `-`',
      pattern: archivePattern,
    }).optional(),
    keyFile: text({
      description:
        'Encryption key of the snapshot, relative to this file; its password from PBS_ENCRYPTION_PASSWORD or one of its other forms.',
      example: '../test/fixtures/golden/key-golden.json',
      noun: 'a path',
      allowed: 'the path of a file',
      pattern: /^[^\0]+$/u,
    }).optional(),
    sha256: text({
      description: 'SHA-256 of the whole image; the restored bytes are held against it.',
      example: '9b65abf1202c8c8e9f2d55557b8b3f40ffc9d1964dd4a6766499546ac9714dd1',
      noun: 'a SHA-256',
      allowed: '64 lower-case hex digits',
      pattern: sha256Pattern,
    }).optional(),
  })
  .transform(({ kind, chunks, processes, ...ready }, context): ServerSettings => {
    const { datastore, snapshot, archive, keyFile, sha256 } = ready;
    if (chunks !== undefined && datastore !== undefined) {
      refuse(
        context,
        'a ready datastore has chunks of its own',
        '`chunks` without `datastore`, or the other way round',
        ['chunks'],
      );
    }
    if (datastore !== undefined && snapshot !== undefined && archive !== undefined) {
      return {
        kind,
        processes,
        datastore,
        snapshot,
        archive: archiveName(archive, context),
        ...(keyFile === undefined ? {} : { keyFile }),
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
  })
  .meta({
    description: 'Where chunks come from: the embedded server with a synthetic image, or with a ready datastore.',
  });

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
