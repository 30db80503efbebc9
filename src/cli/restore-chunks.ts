import { hash } from 'node:crypto';

import { DecoderPool } from '../decode/decoder-pool.ts';
import type { Sessions } from '../harness/open-sessions.ts';
import { SlabPool } from '../memory/slab-pool.ts';
import { exitCodes, type ExitCode } from '../model/errors.ts';
import { formatBytes, formatDuration } from '../model/units.ts';
import { openArchive } from '../restore/open-archive.ts';
import { restoreToMedium } from '../restore/restore-to-medium.ts';
import { transferArchive, type TransferOptions } from '../restore/transfer-archive.ts';
import { StreamTarget } from '../target/stream-target.ts';
import { printError } from './print-error.ts';
import {
  confirmOverwriting,
  incompleteText,
  openPlace,
  type MediumDestination,
  type OpenedPlace,
  type StreamDestination,
} from './restore-destination.ts';
import { connectFor, type RestoreJob } from './restore-job.ts';
import { RestoreMeter } from './restore-meter.ts';
import { formatRates, RestoreProgress, type RestoreFigures } from './restore-progress.ts';

/** A restore that has its server: what all kinds of targets need. */
interface StartedRestore {
  readonly job: RestoreJob;
  readonly opened: Sessions;
  readonly progress: RestoreProgress;
  readonly ports: Omit<TransferOptions, 'decoder' | 'target' | 'onProgress'>;
}

/** Restores an archive that is made of chunks: an image, or the stream of an archive of files. */
export async function restoreChunks(job: RestoreJob): Promise<ExitCode> {
  const { archive, knobs, strategy, destination, clock, edge } = job;
  const signal = edge.interrupted;
  using progress = new RestoreProgress(edge, clock);
  const pools: DecoderPool[] = [];
  const memory = new SlabPool({
    // A chunk has memory from its first byte until it is written, so that nobody ever waits for it.
    limit: knobs.inFlight,
    onDropped: (slab) => pools.forEach((pool) => pool.forget(slab)),
  });
  await using opened = await openArchive(async (connection) => await connectFor(job, { connection, memory }), {
    archive,
    connections: knobs.connections,
    signal,
  });
  for (const warning of opened.warnings) progress.warn(warning);
  await using pool = new DecoderPool({
    threads: knobs.decodeThreads,
    clock,
    ...(opened.crypt === undefined ? {} : { crypt: opened.crypt }),
  });
  pools.push(pool);
  const ports = { image: opened.index, sources: opened.sources, pool, strategy, knobs, clock, signal };
  const started: StartedRestore = { job, opened, progress, ports };
  return destination.kind === 'stream' ? await toStream(started, destination) : await toMedium(started, destination);
}

async function toStream(
  { job, opened, progress, ports }: StartedRestore,
  destination: StreamDestination,
): Promise<ExitCode> {
  const { image, pool, clock, signal } = ports;
  const meter = new RestoreMeter({ image, thereBytes: 0, receivedBytes: opened.receivedBytes, clock });
  const moved = await transferArchive({
    ...ports,
    decoder: pool,
    target: new StreamTarget({ ...destination, size: image.size, clock, signal }),
    onProgress: (soFar) => progress.restoring(meter.extent, () => meter.read(soFar)),
  });
  const figures = meter.read(moved);
  progress.end();
  job.edge.stderr.write(summaryText(job, image.size, figures));
  return exitCodes.fine;
}

async function toMedium(started: StartedRestore, destination: MediumDestination): Promise<ExitCode> {
  const { job, opened, progress } = started;
  const { snapshot, archive, edge } = job;
  const { index, crypt } = opened;
  await confirmOverwriting(destination, index.size, job);
  const restored = {
    snapshot,
    archive,
    indexChecksum: index.csum,
    size: index.size,
    ...(crypt === undefined ? {} : { keyFingerprint: crypt.fingerprint }),
  };
  await using place = await openPlace(destination, restored, job);
  let restoredBytes = place.journal.claimed?.bytes ?? 0;
  try {
    await toPlace(started, place, (bytes) => (restoredBytes = bytes));
    return exitCodes.fine;
  } catch (error) {
    progress.end();
    const exitCode = printError(error, edge);
    const isDamaged = exitCode === exitCodes.failed;
    edge.stderr.write(`${incompleteText(destination, restoredBytes, index.size, { isDamaged })}\n`);
    return exitCode;
  }
}

async function toPlace(
  { job, opened, progress, ports }: StartedRestore,
  place: OpenedPlace,
  onRestored: (bytes: number) => void,
): Promise<void> {
  const { index, crypt, receivedBytes } = opened;
  const { clock } = ports;
  let meter = new RestoreMeter({ image: index, thereBytes: 0, receivedBytes, clock });
  const moved = await restoreToMedium({
    ...ports,
    ...place,
    digestOf: (plain) => (crypt === undefined ? hash('sha256', plain, 'hex') : crypt.digest(plain)),
    onReadBack: (doneBytes, totalBytes) => progress.readBack(doneBytes, totalBytes),
    onStart: ({ remaining, thereBytes, lostBytes }) => {
      meter = new RestoreMeter({ image: remaining, thereBytes, receivedBytes, clock });
      onRestored(thereBytes);
      if (lostBytes > 0) {
        const lost = formatBytes(lostBytes);
        progress.warn(`${lost} that had been restored are not there any more or were changed, and are fetched again`);
      }
      if (place.journal.claimed !== undefined)
        progress.say(`Going on: ${formatBytes(thereBytes)} of ${formatBytes(index.size)} are there and verified`);
    },
    onProgress: (soFar) => {
      onRestored(meter.extent.thereBytes + soFar.logical);
      progress.restoring(meter.extent, () => meter.read(soFar));
    },
  });
  const figures = meter.read(moved);
  progress.end();
  job.edge.stdout.write(summaryText(job, index.size, figures));
}

/** Two lines: what is where, and how fast it came there. */
function summaryText({ archive, snapshot, destination }: RestoreJob, size: number, figures: RestoreFigures): string {
  const { logical, elapsedMs } = figures;
  const there = logical === size ? '' : ` (${formatBytes(size - logical)} had been there)`;
  const head = `Restored ${archive} of ${snapshot} to ${destination.name}`;
  const what = `${formatBytes(size)}${there} in ${formatDuration(elapsedMs)}, every chunk verified`;
  return `${head}: ${what}\n${logical === 0 ? 'Nothing was left to restore' : formatRates(figures)}\n`;
}
