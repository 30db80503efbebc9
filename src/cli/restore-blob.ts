import { hash } from 'node:crypto';

import { exitCodes, UsageError, type ExitCode } from '../model/errors.ts';
import { formatBytes } from '../model/units.ts';
import { writeToStream } from '../target/stream-target.ts';
import { writeWholeFile } from '../target/write-whole-file.ts';
import { openPlace } from './restore-destination.ts';
import { connectFor, type RestoreJob } from './restore-job.ts';

/** Restores the content of a blob, which is small: no progress. Its journal only says whose the partial file is. */
export async function restoreBlob(job: RestoreJob): Promise<ExitCode> {
  const { archive, snapshot, destination, clock, edge } = job;
  if (destination.kind === 'device') {
    throw new UsageError(`${archive} is not the image of a disk`, {
      code: 'blob-to-device',
      hint: 'restore it to a file, or to - for standard output',
    });
  }
  const signal = edge.interrupted;
  await using session = await connectFor(job);
  const { bytes: content, warnings } = await session.downloadBlob(archive, signal);
  for (const warning of warnings) edge.stderr.write(`warning: ${warning}\n`);
  if (destination.kind === 'stream') {
    await writeToStream(content, { ...destination, clock, signal });
    return exitCodes.fine;
  }
  const restored = { snapshot, archive, indexChecksum: hash('sha256', content, 'hex'), size: content.length };
  await using place = await openPlace(destination, restored, job);
  await writeWholeFile(place.medium, content);
  await place.journal.remove();
  edge.stdout.write(`Restored ${archive} of ${snapshot} to ${destination.name}: ${formatBytes(content.length)}\n`);
  return exitCodes.fine;
}
