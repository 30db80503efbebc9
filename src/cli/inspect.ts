import { resolve } from 'node:path';

import { z } from 'zod';

import { monotonicClock } from '../clock/monotonic.ts';
import { exitCodes, UsageError, type ExitCode } from '../model/errors.ts';
import { inspectRemote } from '../pbs/client/inspect-remote.ts';
import { inspectArchive, type InspectedArchive, type InspectedSnapshot } from '../pbs/datastore/inspect.ts';
import { openDatastore, type Datastore } from '../pbs/datastore/open-datastore.ts';
import { formatSnapshotPath, parseSnapshotPath } from '../pbs/format/snapshot-path.ts';
import { formatTable } from '../ui/table.ts';
import { withByteProgress } from './byte-progress.ts';
import type { Command } from './command.ts';
import { describeArchive } from './describe-inspected.ts';
import type { Edge } from './edge.ts';
import { parseArgv } from './parse-argv.ts';
import { readKey } from './read-key.ts';
import { namesRemote, readRemote, remoteOptions, remoteShape, type RemoteArguments } from './remote-options.ts';

export const inspectCommand: Command = {
  examples: [
    ['inspect /mnt/datastore/tank', 'What snapshots there are, with --ns in a namespace'],
    [
      'inspect /mnt/datastore/tank vm/100/2026-02-16T16:30:44Z',
      'Every image and archive of the snapshot; each chunk is read and checked',
    ],
    ['inspect ./store vm/100/2026-02-16T16:30:44Z --quick', 'Look at headers and sizes only'],
    [
      'inspect ./store vm/200/2026-02-15T18:26:40Z --keyfile key.json',
      'Check what is encrypted too, and the signature',
    ],
    [
      'inspect vm/100/2026-02-16T16:30:44Z --repository bench@pbs@10.0.0.5:tank',
      'A snapshot on a server; each distinct chunk is downloaded and checked',
    ],
    ['inspect vm/100/2026-02-16T16:30:44Z --quick --json', 'Its indexes alone, for programs; PBS_REPOSITORY names it'],
  ],
  positionals: {
    place: {
      type: 'string',
      describe: 'Folder of a datastore (holds .chunks); or a snapshot on a server, with a repository',
      demandOption: true,
    },
    snapshot: {
      type: 'string',
      describe: 'In a folder: type/id/time, e.g. vm/100/2026-02-16T16:30:44Z; lists them without it',
    },
  },
  options: {
    ...remoteOptions,
    quick: {
      type: 'boolean',
      default: false,
      describe: 'Read sizes and headers of chunks, not their contents; from a server no chunk at all',
    },
    keyfile: {
      type: 'string',
      describe: 'Encryption key of the snapshot; its password from PBS_ENCRYPTION_PASSWORD',
    },
    json: { type: 'boolean', default: false, describe: 'Print JSON' },
  },
  async run(argv, edge): Promise<ExitCode> {
    const { place, snapshot, quick, keyfile, json, ...options } = parseArgv(argv, {
      ...remoteShape,
      place: z.string(),
      snapshot: z.string().optional(),
      quick: z.boolean(),
      keyfile: z.string('can be given once').optional(),
      json: z.boolean(),
    });
    const remote = snapshot === undefined ? snapshotOnServer(place, options, edge) : undefined;
    const datastore = remote === undefined ? await openDatastore(resolve(edge.cwd, place), options.ns) : undefined;
    if (datastore !== undefined && snapshot === undefined) return await listSnapshots(datastore, json, edge);
    const crypt = keyfile === undefined ? {} : { crypt: await readKey(keyfile, edge) };
    const wanted = { contents: !quick, ...crypt, signal: edge.interrupted };
    const clock = monotonicClock();
    const inspected = await withByteProgress(edge, { what: 'reading chunks', clock }, async (onProgress) => {
      const inspectOptions = { ...wanted, onProgress };
      if (datastore !== undefined) return await inspectArchive(datastore, snapshot ?? '', inspectOptions);
      return await inspectRemote(await readRemote(options, edge), remote ?? '', clock, inspectOptions);
    });
    print(inspected, json, edge);
    return inspected.archives.some(({ problems }) => problems.length > 0) ? exitCodes.failed : exitCodes.fine;
  },
};

/**
 * The snapshot that the only argument names, on a server; undefined where it is a folder.
 * @throws UsageError `repository-missing`
 */
function snapshotOnServer(place: string, options: RemoteArguments, edge: Edge): string | undefined {
  let snapshot: string;
  try {
    snapshot = formatSnapshotPath(parseSnapshotPath(place));
  } catch {
    return undefined;
  }
  if (namesRemote(options, edge)) return snapshot;
  throw new UsageError(`${place} is a snapshot, and nothing says of which datastore`, {
    code: 'repository-missing',
    hint: 'put the folder of the datastore before it, or name a server with --repository or PBS_REPOSITORY',
  });
}

async function listSnapshots(datastore: Datastore, json: boolean, { stdout }: Edge): Promise<ExitCode> {
  const [namespace = '', ...below] = await datastore.listNamespaces();
  const snapshots = (await datastore.listSnapshots()).flatMap((group) => group.snapshots);
  if (json) {
    const list = snapshots.map(({ name, isFinished, files }) => ({ snapshot: name, finished: isFinished, files }));
    stdout.write(
      `${JSON.stringify({ formatVersion: 1, namespace, namespacesBelow: below, snapshots: list }, null, 2)}\n`,
    );
    return exitCodes.fine;
  }
  const where = namespace === '' ? 'The datastore' : `The namespace ${namespace}`;
  const rows = snapshots.map(({ name, isFinished, files }) => [name, isFinished ? files.join(', ') : 'unfinished']);
  stdout.write(rows.length === 0 ? `${where} holds no snapshots\n` : formatTable(rows));
  if (below.length > 0) stdout.write(`\nNamespaces below, to be named with --ns: ${below.join(', ')}\n`);
  return exitCodes.fine;
}

function print(inspected: InspectedSnapshot, json: boolean, { stdout, stderr }: Edge): void {
  const { snapshot, archives, signatureWarning } = inspected;
  if (json) stdout.write(`${JSON.stringify({ formatVersion: 1, ...inspected }, null, 2)}\n`);
  else if (archives.length === 0) stdout.write(`${snapshot} holds no images and archives\n`);
  else archives.forEach((archive: InspectedArchive) => stdout.write(`${describeArchive(snapshot, archive)}\n`));
  if (signatureWarning !== undefined) stderr.write(`warning: ${signatureWarning}\n`);
}
