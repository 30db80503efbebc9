import { z } from 'zod';

import { monotonicClock } from '../clock/monotonic.ts';
import { exitCodes, type ExitCode } from '../model/errors.ts';
import { formatBytes, formatDuration, MiB } from '../model/units.ts';
import { connectBackup } from '../pbs/client/connect-backup.ts';
import { listRemoteSnapshots } from '../pbs/client/remote-snapshots.ts';
import { datastoreOf, serverOf } from '../pbs/client/remote.ts';
import { connectRest } from '../pbs/client/rest-client.ts';
import { formatGroup, formatSnapshotPath, type BackupGroup } from '../pbs/format/snapshot-path.ts';
import { planSeed } from '../seed/plan-seed.ts';
import { seedHistory, type SeededBackup } from '../seed/seed-history.ts';
import { historyId, markedGroup } from '../seed/seed-mark.ts';
import { formatTable } from '../ui/table.ts';
import { SyntheticHistory } from '../workload/synthetic-history.ts';
import { withByteProgress } from './byte-progress.ts';
import type { Command } from './command.ts';
import type { Edge } from './edge.ts';
import { forgetSeeded } from './forget-seeded.ts';
import {
  imageOptions,
  imageShape,
  readImageOptions,
  type ImageAndHistory,
  type ImageArguments,
} from './image-options.ts';
import { parseArgv } from './parse-argv.ts';
import { readKey } from './read-key.ts';
import { readRemote, remoteOptions, remoteShape, type RemoteArguments } from './remote-options.ts';

const DEFAULT_GROUP = 'vm/seed';

/** As much as the windows of a PBS take of incompressible chunks, and some that are being made. */
const DEFAULT_IN_FLIGHT = 16;

export const seedCommand: Command = {
  examples: [
    [
      'seed --repository bench@pbs@10.0.0.5:tank --size "4 GiB" --history 5',
      'Five backups of a 4 GiB disk, each with 5 % changed chunks, as vm/restorelab-seed',
    ],
    ['seed --group vm/9100 --scenario wan-25ms', "A scenario's image and history, as vm/restorelab-9100"],
    ['seed --keyfile key.json --size "1 GiB"', 'Encrypted and signed'],
    ['seed --forget', 'List what was seeded in the datastore, and remove it if you say yes'],
    ['seed --forget --group vm/9100 --yes', 'Only that group, without asking'],
  ],
  positionals: {},
  options: {
    ...remoteOptions,
    group: { type: 'string', describe: `type/name; restorelab- is put before the name [default: ${DEFAULT_GROUP}]` },
    ...imageOptions,
    keyfile: { type: 'string', describe: 'Encrypt under this key; its password from PBS_ENCRYPTION_PASSWORD' },
    'in-flight': { type: 'number', default: DEFAULT_IN_FLIGHT, describe: 'Chunks on their way at a time' },
    'copy-index': {
      type: 'boolean',
      default: false,
      describe: 'Begin increments as a copy of the last index, as QEMU does with its dirty bitmaps',
    },
    forget: {
      type: 'boolean',
      default: false,
      describe: 'Remove seeded snapshots instead: those with both marks, no others',
    },
    yes: { type: 'boolean', default: false, describe: 'With --forget: do not ask' },
    json: { type: 'boolean', default: false, describe: 'Print JSON' },
  },
  async run(argv, edge): Promise<ExitCode> {
    const options = parseArgv(argv, {
      ...remoteShape,
      ...imageShape,
      group: z.string('can be given once').optional(),
      keyfile: z.string('can be given once').optional(),
      'in-flight': z.int('must be a whole number').min(1, 'must be 1 or more').max(200, 'must be 200 or less'),
      'copy-index': z.boolean(),
      forget: z.boolean(),
      yes: z.boolean(),
      json: z.boolean(),
    });
    return options.forget ? await forgetSeeded(options, edge) : await seed(options, edge);
  },
};

interface SeedArguments extends RemoteArguments, ImageArguments {
  readonly group?: string | undefined;
  readonly keyfile?: string | undefined;
  readonly 'in-flight': number;
  readonly 'copy-index': boolean;
  readonly json: boolean;
}

async function seed(argv: SeedArguments, edge: Edge): Promise<ExitCode> {
  const { json } = argv;
  const signal = edge.interrupted;
  const settings = await readImageOptions(argv, edge);
  const group = markedGroup(argv.group ?? DEFAULT_GROUP);
  const remote = await readRemote(argv, edge);
  const crypt = argv.keyfile === undefined ? undefined : await readKey(argv.keyfile, edge);
  const history = new SyntheticHistory(settings.image, settings.history, crypt);
  const id = historyId(settings.image, settings.history);
  const clock = monotonicClock();
  const server = { ...serverOf(remote), clock, signal };
  const existing = await (async () => {
    await using rest = await connectRest(server);
    const listed = await listRemoteSnapshots(rest, { ...datastoreOf(remote), group }, signal);
    return listed.filter(({ isFinished }) => isFinished);
  })();
  const now = Math.floor(Date.now() / 1000);
  const backups = planSeed({ group, history: id, depth: settings.history.depth, existing, now });
  const seeded: SeededBackup[] = [];
  try {
    const totalBytes = settings.image.sizeBytes * backups.length;
    await withByteProgress(edge, { what: 'uploading', clock, rateName: 'logical' }, async (onProgress) => {
      await seedHistory({
        connect: async (snapshot) => await connectBackup({ ...server, ...datastoreOf(remote), snapshot }),
        history,
        historyId: id,
        backups,
        command: commandText(group, settings),
        ...(crypt === undefined ? {} : { crypt }),
        isCopyOfPrevious: argv['copy-index'],
        inFlight: argv['in-flight'],
        clock,
        onProgress: (doneBytes) => onProgress(doneBytes, totalBytes),
        onSeeded: (one) => void seeded.push(one),
        signal,
      });
    });
  } finally {
    // What is finished stays, whatever came then.
    if (json) edge.stdout.write(`${JSON.stringify(seededJson(group, id, seeded), null, 2)}\n`);
    else if (seeded.length > 0) edge.stdout.write(describeSeeded(seeded));
  }
  if (backups.length === 0 && !json) {
    const { depth } = settings.history;
    const held = existing.length;
    edge.stdout.write(
      held > depth
        ? `${formatGroup(group)} holds ${held} backups already, ${depth} ${depth === 1 ? 'was' : 'were'} asked for: nothing was removed\n`
        : `${formatGroup(group)} holds all ${depth} backups already\n`,
    );
  }
  return exitCodes.fine;
}

/** The command again, but for where it went: whoever reads the notes is there already. */
function commandText(group: BackupGroup, { image, history }: ImageAndHistory): string {
  const { sizeBytes, zeroShare, repeatedShare, compressionRatio, seed: text } = image;
  const size = sizeBytes % MiB === 0 ? `${sizeBytes / MiB} MiB` : `${sizeBytes} B`;
  const percent = (share: number): string => `"${Number((share * 100).toPrecision(12))} %"`;
  const words = [
    `restorelab seed --group ${formatGroup(group)} --size "${size}"`,
    `--zero-share ${percent(zeroShare)} --repeated-share ${percent(repeatedShare)}`,
    `--compression-ratio ${compressionRatio} --seed ${JSON.stringify(text)}`,
    `--history ${history.depth} --change-rate ${percent(history.changeRate)}`,
  ];
  return words.join(' ');
}

function describeSeeded(seeded: readonly SeededBackup[]): string {
  return formatTable(
    seeded.map(({ snapshot, image: { chunkCount, uploaded }, durationMs }) => [
      formatSnapshotPath(snapshot),
      `${uploaded.chunks} of ${chunkCount}`,
      formatBytes(uploaded.plainBytes),
      formatBytes(uploaded.encodedBytes),
      formatDuration(durationMs),
    ]),
    {
      header: ['snapshot', 'new chunks', 'plain', 'wire', 'time'],
      align: ['left', 'right', 'right', 'right', 'right'],
    },
  );
}

const seededJson = (group: BackupGroup, history: string, seeded: readonly SeededBackup[]): unknown => ({
  formatVersion: 1,
  group: formatGroup(group),
  history,
  seeded: seeded.map(({ snapshot, backup, image: { sizeBytes, csum, chunkCount, uploaded }, durationMs }) => ({
    snapshot: formatSnapshotPath(snapshot),
    backup: backup + 1,
    sizeBytes,
    chunkCount,
    csum,
    uploadedChunks: uploaded.chunks,
    uploadedPlainBytes: uploaded.plainBytes,
    uploadedEncodedBytes: uploaded.encodedBytes,
    durationMs,
  })),
});
