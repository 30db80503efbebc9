import { z } from 'zod';

import { monotonicClock } from '../clock/monotonic.ts';
import { exitCodes, UsageError, type ExitCode } from '../model/errors.ts';
import type { Clock } from '../model/ports.ts';
import { formatBytes, formatDuration } from '../model/units.ts';
import { placeText } from '../pbs/client/refusal.ts';
import { encryptionOf, listRemoteSnapshots, type RemoteSnapshot } from '../pbs/client/remote-snapshots.ts';
import { datastoreOf, serverOf, type Remote } from '../pbs/client/remote.ts';
import { formatHostAndPort, formatRepository } from '../pbs/client/repository.ts';
import { connectRest } from '../pbs/client/rest-client.ts';
import { MANIFEST_NAME } from '../pbs/format/archive-name.ts';
import { formatGroup, parseGroup } from '../pbs/format/snapshot-path.ts';
import { fittingColumns } from '../ui/fitting-columns.ts';
import { LiveRegion } from '../ui/live-region.ts';
import { formatTable } from '../ui/table.ts';
import type { Command } from './command.ts';
import type { Edge } from './edge.ts';
import { parseArgv } from './parse-argv.ts';
import { readRemote, remoteOptions, remoteShape } from './remote-options.ts';

/** Of a stream that is no terminal: as wide as it needs. */
const UNBOUNDED = Infinity;

/** Shorter waits need no word. */
const SHOW_AFTER_MS = 2000;

/** Columns without which a row says nothing: name, size, files. */
const KEPT_COLUMNS = 3;

export const snapshotsCommand: Command = {
  examples: [
    ['snapshots --repository bench@pbs@10.0.0.5:tank', 'All snapshots of the root namespace'],
    ['snapshots vm/100 --ns site-a', 'Of one group, with the repository from PBS_REPOSITORY'],
    ['snapshots --json', 'The same for programs'],
  ],
  positionals: {
    group: { type: 'string', describe: 'type/id, e.g. vm/100; all groups without it' },
  },
  options: {
    ...remoteOptions,
    json: { type: 'boolean', default: false, describe: 'Print JSON' },
  },
  async run(argv, edge): Promise<ExitCode> {
    const { group, json, ...options } = parseArgv(argv, {
      ...remoteShape,
      group: z.string('can be given once').optional(),
      json: z.boolean(),
    });
    const wanted = group === undefined ? {} : { group: parseGroup(group) };
    const remote = await readRemote(options, edge);
    const place = datastoreOf(remote);
    const { interrupted: signal } = edge;
    const snapshots = await whileWaiting(remote, edge, async (clock) => {
      await using rest = await connectRest({ ...serverOf(remote), clock, signal });
      return await listRemoteSnapshots(rest, { ...place, ...wanted }, signal);
    });
    if (snapshots.length === 0 && wanted.group !== undefined) {
      throw new UsageError(`there is no group ${group} in ${placeText(place.store, place.namespace)}`, {
        code: 'group-not-found',
        hint: 'leave the group out to see all; groups of other owners need the role DatastoreReader or DatastoreAudit',
      });
    }
    if (json) {
      const repository = formatRepository(remote.repository);
      const list = snapshots.map((one) => snapshotJson(one));
      const document = { formatVersion: 1, repository, namespace: place.namespace, snapshots: list };
      edge.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    } else if (snapshots.length === 0) {
      edge.stdout.write(`There are no snapshots in ${placeText(place.store, place.namespace)}\n`);
    } else {
      const { isTTY = false, columns = UNBOUNDED } = edge.stdout;
      edge.stdout.write(describeSnapshots(snapshots, isTTY ? columns : UNBOUNDED));
    }
    return exitCodes.fine;
  },
};

/** A server reads every manifest for its list, and says nothing before it has the last: all that can be shown is that. */
async function whileWaiting<Result>(
  { repository }: Remote,
  { stderr, env }: Edge,
  list: (clock: Clock) => Promise<Result>,
): Promise<Result> {
  const clock = monotonicClock();
  const startedMs = clock.now();
  using region = new LiveRegion({ stream: stderr, env, clock });
  const timer = setInterval(() => {
    const waited = formatDuration(clock.now() - startedMs);
    region.update([`waiting for ${formatHostAndPort(repository)} to list its snapshots  ${waited}`]);
  }, SHOW_AFTER_MS);
  try {
    return await list(clock);
  } finally {
    clearInterval(timer);
  }
}

const header = ['snapshot', 'size', 'files', 'encryption', 'verified', 'protected', 'owner', 'comment'];

function describeSnapshots(snapshots: readonly RemoteSnapshot[], width: number): string {
  const rows = snapshots.map((one) => [
    one.name,
    one.size === undefined ? '-' : formatBytes(one.size),
    one.isFinished ? archiveNames(one).join(' ') : 'unfinished',
    encryptionOf(one) ?? '-',
    one.verified ?? '-',
    one.isProtected ? 'yes' : '-',
    one.owner ?? '-',
    one.comment ?? '',
  ]);
  const table = [header, ...rows].map((row) => row.map(printable));
  return formatTable(fittingColumns(table, { width, kept: KEPT_COLUMNS }), { align: ['left', 'right'] });
}

/** What others wrote on a server must not steer this terminal. */
const printable = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '');

/** As users name them: without the server's suffixes, and without the manifest, which every finished one has. */
const archiveNames = ({ files }: RemoteSnapshot): readonly string[] =>
  files
    .map(({ filename }) => filename)
    .filter((filename) => filename !== MANIFEST_NAME)
    .map((filename) => filename.replace(/\.(?:fidx|didx|blob)$/u, ''));

/** Keys of what is not known are absent. */
const snapshotJson = (one: RemoteSnapshot): unknown => ({
  snapshot: one.name,
  group: formatGroup(one.snapshot),
  time: one.snapshot.time,
  finished: one.isFinished,
  ...(one.size === undefined ? {} : { size: one.size }),
  files: one.files,
  encryption: encryptionOf(one),
  ...(one.keyFingerprint === undefined ? {} : { keyFingerprint: one.keyFingerprint }),
  ...(one.verified === undefined ? {} : { verified: one.verified }),
  protected: one.isProtected,
  ...(one.owner === undefined ? {} : { owner: one.owner }),
  ...(one.comment === undefined ? {} : { comment: one.comment }),
});
