import { z } from 'zod';

import { monotonicClock } from '../clock/monotonic.ts';
import { UsageError, type ExitCode } from '../model/errors.ts';
import { serverOf } from '../pbs/client/remote.ts';
import { requireSupportedServer } from '../pbs/client/rest-client.ts';
import { archiveKind, isShortArchiveName, serverArchiveName } from '../pbs/format/archive-name.ts';
import { fullArchiveName } from '../pbs/format/find-archive.ts';
import { formatSnapshotPath, parseSnapshotPath } from '../pbs/format/snapshot-path.ts';
import { findStrategy, strategies } from '../strategy/strategies.ts';
import type { Command } from './command.ts';
import { parseArgv } from './parse-argv.ts';
import { readKey } from './read-key.ts';
import { readRemote, remoteOptions, remoteShape } from './remote-options.ts';
import { findDestination } from './restore-destination.ts';
import { restoreBlob } from './restore-blob.ts';
import { restoreChunks } from './restore-chunks.ts';
import { connectFor, type RestoreJob } from './restore-job.ts';
import { strategyFrom, strategyOptions } from './strategy-options.ts';

const once = 'can be given once';

/** What pbs-restore does, and its equal where the order of writes matters. */
const DEFAULT_STRATEGY = 'window-unordered';
const DEFAULT_ORDERED_STRATEGY = 'window-ordered';

export const restoreCommand: Command = {
  examples: [
    ['restore vm/100/2026-01-31T02:00:00Z drive-scsi0.img disk.img', 'To a file; the same again goes on'],
    ['restore vm/100/2026-01-31T02:00:00Z drive-scsi0.img /dev/vdb', 'To a block device; asks first'],
    ['restore vm/100/2026-01-31T02:00:00Z drive-scsi0.img - | zstd > disk.zst', 'To a pipe, in index order'],
    ['restore host/www/2026-01-31T02:00:00Z root.pxar www.pxar --keyfile key.json', 'An encrypted archive of files'],
  ],
  positionals: {
    snapshot: { type: 'string', describe: 'TYPE/ID/TIME, as `restorelab snapshots` lists it', demandOption: true },
    archive: {
      type: 'string',
      describe: 'Image, pxar or blob, e.g. drive-scsi0.img or drive-scsi0',
      demandOption: true,
    },
    target: { type: 'string', describe: 'New file, block device, or - for standard output', demandOption: true },
  },
  options: {
    ...remoteOptions,
    keyfile: {
      type: 'string',
      describe: 'Key of an encrypted backup; its passphrase comes from PBS_ENCRYPTION_PASSWORD',
    },
    ...strategyOptions,
    force: { type: 'boolean', default: false, describe: 'Overwrite a block device without asking' },
    restart: { type: 'boolean', default: false, describe: 'Discard what an earlier restore to this target has left' },
  },
  async run(argv, edge): Promise<ExitCode> {
    const { target, keyfile, force, restart, ...options } = parseArgv(argv, {
      ...remoteShape,
      snapshot: z.string(once),
      archive: z.string(once),
      target: z.string(once),
      keyfile: z.string(once).optional(),
      force: z.boolean(once),
      restart: z.boolean(once),
    });
    if (target === '') throw new UsageError('the target is empty', { code: 'usage' });
    const isStream = target === '-';
    const { name, knobs } = strategyFrom(argv, isStream ? DEFAULT_ORDERED_STRATEGY : DEFAULT_STRATEGY);
    const strategy = findStrategy(name);
    if (strategy === undefined) throw new Error(`there is no strategy ${name}`);
    if (isStream && strategy.writesInOrder !== true) throw outOfOrder(name);
    const snapshot = formatSnapshotPath(parseSnapshotPath(options.snapshot));
    const isShort = isShortArchiveName(options.archive);
    const named = isShort ? options.archive : serverArchiveName(options.archive);
    const destination = await findDestination(target, { restart }, edge);
    const remote = await readRemote(options, edge);
    const crypt = keyfile === undefined ? {} : { crypt: await readKey(keyfile, edge) };
    const job: RestoreJob = {
      remote,
      snapshot,
      archive: named,
      destination,
      strategy,
      // On the main thread a write to a reader that does not read could not be interrupted.
      knobs: isStream ? { ...knobs, decodeThreads: Math.max(1, knobs.decodeThreads) } : knobs,
      ...crypt,
      force,
      restart,
      clock: monotonicClock(),
      edge,
    };
    // The reader protocol of older servers looks the same: nothing in it would tell.
    await requireSupportedServer({ ...serverOf(remote), clock: job.clock, signal: edge.interrupted });
    const archive = isShort ? await completeName(job) : named;
    return archiveKind(archive) === 'blob'
      ? await restoreBlob({ ...job, archive })
      : await restoreChunks({ ...job, archive });
  },
};

/** What a name without suffix stands for in the snapshot. */
async function completeName(job: RestoreJob): Promise<string> {
  await using session = await connectFor(job);
  return fullArchiveName(await session.downloadManifest(job.edge.interrupted), job.archive);
}

function outOfOrder(name: string): UsageError {
  const ordered = Object.values(strategies).filter(({ writesInOrder }) => writesInOrder === true);
  return new UsageError(`${name} writes chunks as they complete, and standard output can only take them in order`, {
    code: 'strategy-out-of-order',
    hint: `use ${ordered.map((strategy) => strategy.name).join(' or ')}, or restore to a file`,
  });
}
