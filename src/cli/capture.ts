import { constants } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { z } from 'zod';

import { placesFrom } from '../cache/places.ts';
import {
  captureServer,
  CAPTURE_CONNECTIONS,
  CAPTURE_IN_FLIGHT,
  type CapturedServer,
  type OpenSession,
} from '../capture/capture-server.ts';
import { readMachineFacts } from '../capture/machine-facts.ts';
import { captureScenario, fineDuration, withInterval, type Fact } from '../capture/scenario-text.ts';
import { readServerFacts } from '../capture/server-facts.ts';
import { monotonicClock } from '../clock/monotonic.ts';
import { DecoderPool } from '../decode/decoder-pool.ts';
import { hostFacts } from '../metrics/host-inventory.ts';
import { asMachineError, exitCodes, systemErrorCode, UsageError, type ExitCode } from '../model/errors.ts';
import type { Clock } from '../model/ports.ts';
import { formatDuration, formatRate, formatShare, MiB } from '../model/units.ts';
import { connectReader, type ReaderSession } from '../pbs/client/reader-session.ts';
import { datastoreOf, serverOf, type Remote } from '../pbs/client/remote.ts';
import { formatRepository } from '../pbs/client/repository.ts';
import { listRemoteSnapshots } from '../pbs/client/remote-snapshots.ts';
import { connectRest, type RestClient } from '../pbs/client/rest-client.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import { isShortArchiveName, serverArchiveName } from '../pbs/format/archive-name.ts';
import { fullArchiveName } from '../pbs/format/find-archive.ts';
import type { Manifest } from '../pbs/format/manifest.ts';
import { formatSnapshotPath, parseSnapshotPath } from '../pbs/format/snapshot-path.ts';
import { loadScenario } from '../scenario/load-scenario.ts';
import { parseQuantity } from '../scenario/quantity.ts';
import { LiveRegion } from '../ui/live-region.ts';
import { formatBar, formatProgress } from '../ui/progress.ts';
import { formatTable } from '../ui/table.ts';
import type { Command } from './command.ts';
import type { Edge } from './edge.ts';
import { parseArgv } from './parse-argv.ts';
import { readKey } from './read-key.ts';
import { readRemote, remoteOptions, remoteShape } from './remote-options.ts';
import { tool } from './tool.ts';

/** As the library that is shipped decodes. */
const DECODE_THREADS = 4;

/** Below this the four measurements have too few bytes each. */
const LEAST_BUDGET: number = 64 * MiB;

export const captureCommand: Command = {
  examples: [
    ['capture vm/100/2026-02-16T16:30:44Z --out office.yaml', 'Its largest image; reads 1 GiB at most'],
    ['capture vm/100/2026-02-16T16:30:44Z drive-scsi1 --out office.yaml --budget 256MiB', 'Another image, fewer bytes'],
    ['run office.yaml', 'Then: the same rates in the lab, where everything can be varied'],
  ],
  positionals: {
    snapshot: { type: 'string', describe: 'type/id/time, e.g. vm/100/2026-02-16T16:30:44Z', demandOption: true },
    archive: { type: 'string', describe: 'An image of the snapshot; the largest one without it' },
  },
  options: {
    ...remoteOptions,
    keyfile: { type: 'string', describe: 'Key of an encrypted image; chunks are not decoded without it' },
    out: { type: 'string', demandOption: true, describe: 'The scenario file to write; must not be there yet' },
    budget: { type: 'string', default: '1 GiB', describe: 'Bytes to read from the server at most, 64 MiB or more' },
    'phase-time': { type: 'string', default: '4 s', describe: 'Time that each of the four measurements takes at most' },
    hardware: { type: 'boolean', default: true, describe: "Measure this end's hardware too, six seconds" },
  },
  async run(argv, edge): Promise<ExitCode> {
    const options = parseArgv(argv, {
      ...remoteShape,
      snapshot: z.string(),
      archive: z.string().optional(),
      keyfile: z.string('can be given once').optional(),
      out: z.string('can be given once'),
      budget: z.string('can be given once'),
      'phase-time': z.string('can be given once'),
      hardware: z.boolean(),
    });
    const out = resolve(edge.cwd, options.out);
    await requireWritable(out);
    const budgetBytes = quantityOf('budget', 'size', options.budget);
    if (budgetBytes < LEAST_BUDGET)
      throw new UsageError('--budget is too small to measure anything', { code: 'usage', hint: 'give 64 MiB or more' });
    const phaseMs = quantityOf('phase-time', 'duration', options['phase-time']);
    const snapshot = formatSnapshotPath(parseSnapshotPath(options.snapshot));
    const remote = await readRemote(options, edge);
    const crypt = options.keyfile === undefined ? undefined : await readKey(options.keyfile, edge);
    const capturedAt = new Date().toISOString();
    const clock = monotonicClock();

    await using rest = await connectRest({ ...serverOf(remote), clock, signal: edge.interrupted });
    const facts: Fact[] = [...(await readServerFacts(rest, edge.interrupted))];
    const { archive, captured } = await capture({
      remote,
      rest,
      snapshot,
      archive: options.archive,
      crypt,
      budgetBytes,
      phaseMs,
      seed: capturedAt,
      clock,
      edge,
    });
    facts.push({
      name: 'connection',
      text: `${captured.tls.protocol} ${captured.tls.cipher}, ${formatDuration(captured.connectMs)} from the first packet to an open session`,
    });
    if (options.hardware) facts.push(...(await machineFacts(edge, clock)));

    const text = captureScenario({
      repository: formatRepository(remote.repository),
      namespace: remote.namespace,
      snapshot,
      archive,
      capturedAt,
      tool,
      inFlight: CAPTURE_IN_FLIGHT,
      connections: CAPTURE_CONNECTIONS,
      facts,
      ...captured,
      ...(captured.backupsUnavailable === undefined ? {} : { agesUnavailable: captured.backupsUnavailable }),
    });
    // Written is only what `run` takes.
    loadScenario(text, { file: options.out, folder: edge.cwd });
    await writeNew(out, text);
    edge.stdout.write(
      formatTable([...describeCaptured(captured), ...facts.map(({ name, text: said }) => [name, said])]),
    );
    edge.stdout.write(`\nWritten to ${options.out}: \`restorelab run ${options.out}\` holds the lab against it.\n`);
    for (const warning of captured.warnings) edge.stderr.write(`warning: ${warning}\n`);
    return exitCodes.fine;
  },
};

interface CaptureArguments {
  readonly remote: Remote;
  readonly rest: RestClient;
  readonly snapshot: string;
  readonly archive: string | undefined;
  readonly crypt: CryptConfig | undefined;
  readonly budgetBytes: number;
  readonly phaseMs: number;
  readonly seed: string;
  readonly clock: Clock;
  readonly edge: Edge;
}

async function capture(
  options: CaptureArguments,
): Promise<{ readonly archive: string; readonly captured: CapturedServer }> {
  const { remote, rest, snapshot, crypt, budgetBytes, phaseMs, seed, clock, edge } = options;
  const keyed = crypt === undefined ? {} : { crypt };
  const signal = edge.interrupted;
  const open: OpenSession = async ({ snapshot: of, connection }) =>
    await connectReader({
      ...serverOf(remote),
      ...datastoreOf(remote),
      ...keyed,
      snapshot: of,
      connection,
      clock,
      signal,
    });
  const archive = await completeName(options.archive, async () => await readManifest(open, snapshot, signal));
  await using decoder = new DecoderPool({ threads: DECODE_THREADS, clock, ...keyed });
  using region = new LiveRegion({ stream: edge.stderr, env: edge.env, clock });
  const startedMs = clock.now();
  const captured = await captureServer({
    open,
    snapshot,
    archive,
    listBackups: async () => await listBackups(rest, remote, snapshot, signal),
    decoder,
    budgetBytes,
    seed,
    phaseMs,
    clock,
    signal,
    onProgress: (what, doneBytes, totalBytes) => {
      if (!region.isDue) return;
      const elapsedMs = clock.now() - startedMs;
      const progress = { doneBytes: Math.min(doneBytes, totalBytes), totalBytes, elapsedMs, barCells: 12 };
      region.update([`${what}  ${formatProgress(progress)}`], what);
    },
  });
  region.end();
  return { archive, captured };
}

async function readManifest(open: OpenSession, snapshot: string, signal: AbortSignal): Promise<Manifest> {
  await using session: ReaderSession = await open({ snapshot, connection: 0, signal });
  return await session.downloadManifest(signal);
}

/** The server's name; without a name that of the largest image. */
async function completeName(name: string | undefined, manifest: () => Promise<Manifest>): Promise<string> {
  if (name === undefined) return largestImage(await manifest());
  return isShortArchiveName(name) ? fullArchiveName(await manifest(), name) : serverArchiveName(name);
}

function largestImage({ snapshot, files }: Manifest): string {
  const [largest] = files.filter(({ filename }) => filename.endsWith('.img.fidx')).toSorted((a, b) => b.size - a.size);
  if (largest !== undefined) return largest.filename;
  throw new UsageError(`${formatSnapshotPath(snapshot)} holds no image of a disk`, {
    code: 'archive-not-image',
    hint: 'name the snapshot of a virtual machine: images have names that end in .img.fidx',
  });
}

/** Finished backups of the same group (spec 2.6). */
async function listBackups(
  rest: RestClient,
  remote: Remote,
  snapshot: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const group = parseSnapshotPath(snapshot);
  const snapshots = await listRemoteSnapshots(rest, { ...datastoreOf(remote), group }, signal);
  return snapshots.filter(({ isFinished }) => isFinished).map(({ name }) => name);
}

async function machineFacts(edge: Edge, clock: Clock): Promise<readonly Fact[]> {
  const places = placesFrom(edge.env, edge.home);
  using region = new LiveRegion({ stream: edge.stderr, env: edge.env, clock });
  const facts = await readMachineFacts({
    host: await hostFacts({ versions: edge.versions }),
    folder: places.cache,
    certificateFolder: join(places.state, 'certificate'),
    env: edge.env,
    clock,
    signal: edge.interrupted,
    onProgress: (share) => region.update([`measuring this end  ${formatBar(share)}`], 'measuring this end'),
  });
  region.end();
  return facts;
}

function describeCaptured({ estimates, image, history }: CapturedServer): readonly (readonly string[])[] {
  const { roundTripMs, jitterMs, rate, connectionRate, firstByteMs, bandwidth, sequentialRate, windowRate } = estimates;
  return [
    ['round trip', withInterval(roundTripMs, fineDuration)],
    ...(jitterMs === undefined ? [] : [['jitter', formatDuration(jitterMs)]]),
    ['rate of the link', withInterval(rate, formatRate)],
    ...(connectionRate === undefined ? [] : [['rate of one connection', withInterval(connectionRate, formatRate)]]),
    ['first byte of a chunk', withInterval(firstByteMs, fineDuration)],
    ...(bandwidth === undefined ? [] : [['bandwidth of the disks', withInterval(bandwidth, formatRate)]]),
    ['one chunk at a time', withInterval(sequentialRate, formatRate)],
    [`${CAPTURE_IN_FLIGHT} chunks at a time`, withInterval(windowRate, formatRate)],
    ['compression', `${estimates.compressionRatio.toFixed(2)}:1`],
    ['zero chunks', formatShare(image.zeroShare)],
    ['repeated chunks', formatShare(image.repeatedShare)],
    [
      'history',
      history.changeRate === undefined
        ? 'one backup'
        : `${history.backups} backups, ${formatShare(history.changeRate)} changed by each`,
    ],
  ];
}

function quantityOf(option: string, kind: 'size' | 'duration', written: string): number {
  const parsed = parseQuantity(kind, written);
  if ('value' in parsed) return parsed.value;
  throw new UsageError(`--${option}: ${parsed.message}`, { code: 'usage', hint: parsed.allowed });
}

/** Said before anything is measured. */
async function requireWritable(path: string): Promise<void> {
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) throw targetExists(path);
  try {
    await access(dirname(path), constants.W_OK);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw asMachineError(error, `writing ${path}`);
    throw new UsageError(`the folder of ${path} does not exist`, {
      code: 'target-folder-missing',
      hint: 'make the folder first, or name another file with --out',
    });
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') throw targetExists(path);
    throw asMachineError(error, `writing ${path}`);
  }
}

const targetExists = (path: string): UsageError =>
  new UsageError(`${path} is there already`, { code: 'target-exists', hint: 'name another file with --out' });
