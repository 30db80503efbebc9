import type { DecoderPool } from '../decode/decoder-pool.ts';
import { SeededRandom } from '../material/seeded-random.ts';
import { UsageError } from '../model/errors.ts';
import type { Image, Slot } from '../model/image.ts';
import type { Clock, EncodedChunk } from '../model/ports.ts';
import { formatBytes } from '../model/units.ts';
import type { ReaderSession } from '../pbs/client/reader-session.ts';
import type { DownloadedIndex } from '../pbs/client/snapshot-files.ts';
import { FixedIndex } from '../pbs/format/fixed-index.ts';
import { ageClasses, type AgeClass } from './age-classes.ts';
import { estimateServer, type ServerEstimates } from './estimate-server.ts';
import {
  distinctChunks,
  imageStatistics,
  readHistory,
  type History,
  type ImageStatistics,
} from './image-statistics.ts';
import { measureTransfer, SPEEDTEST_BYTES } from './measure-transfer.ts';
import type { PhaseLimits } from './phase-limits.ts';
import { readChunks } from './read-chunks.ts';

/** As many at a time as the restore that is shipped. */
export const CAPTURE_IN_FLIGHT = 16;

/** Connections beside one another, to see whether one alone has a limit of its own. */
export const CAPTURE_CONNECTIONS = 4;

/** Backups of the group whose indexes are looked at, the captured one included; each takes a connection for a moment. */
const MAX_BACKUPS = 8;

const ROUND_TRIPS = 30;
/** The first ones meet cold code and caches at both ends. */
const WARM_UP_ROUND_TRIPS = 3;
const WARM_UP_CHUNKS = 2;

/** Chunks that are read one at a time: enough for a median good to a few percent on spinning disks. */
const MOST_ALONE = 64;
const LEAST_ALONE = 5;

/** Shares of the budget: one connection, several, chunks one at a time; the rest is for the window. */
const budgetShares = { oneConnection: 0.2, manyConnections: 0.2, alone: 0.25 } as const;

/** Opens one more session. */
export type OpenSession = (options: {
  readonly snapshot: string;
  readonly connection: number;
  readonly signal: AbortSignal;
}) => Promise<ReaderSession>;

export interface CaptureOptions {
  readonly open: OpenSession;
  /** `vm/100/2026-02-16T16:30:44Z` */
  readonly snapshot: string;
  readonly archive: string;
  /** Finished backups of the same group, in any order; rejects where the server does not tell. */
  readonly listBackups: () => Promise<readonly string[]>;
  /** With the key, where there is one: chunks of an encrypted image are not decoded without it. */
  readonly decoder: DecoderPool;
  readonly budgetBytes: number;
  /** Decides the random order of chunks. */
  readonly seed: string;
  /** What each of the four longer measurements takes at most. */
  readonly phaseMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: (what: string, doneBytes: number, totalBytes: number) => void;
}

/** What was found out about a server and one of its images from here. */
export interface CapturedServer {
  readonly estimates: ServerEstimates;
  readonly image: ImageStatistics;
  readonly history: Pick<History, 'backups' | 'changeRate'>;
  readonly ages: readonly AgeClass[];
  /** Why other backups were not looked at. */
  readonly backupsUnavailable?: string;
  /** From the first packet until the session could be used. */
  readonly connectMs: number;
  readonly tls: ReaderSession['tls'];
  readonly transferredBytes: number;
  readonly durationMs: number;
  /** One sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Measures round trip, rate, first byte and chunks of a server, reading only, one thing after the other and never more
 * than {@link CAPTURE_IN_FLIGHT} requests at a time.
 * @throws UsageError `capture-too-small` when the image has too few chunks of data; what sessions throw
 */
export async function captureServer(options: CaptureOptions): Promise<CapturedServer> {
  const { open, snapshot, archive, budgetBytes, phaseMs, clock, signal, onProgress } = options;
  const startedMs = clock.now();
  const session = await open({ snapshot, connection: 0, signal });
  await using _session = session;
  const connectMs = clock.now() - startedMs;
  const { index, file, warnings, crypt } = await downloadImage(session, archive, signal);
  const chunks = chooseChunks(index, options.seed);

  let transferredBytes = 0;
  const meter = (what: string) => {
    onProgress(what, transferredBytes, budgetBytes);
    return (bytes: number): void => {
      transferredBytes += bytes;
      onProgress(what, transferredBytes, budgetBytes);
    };
  };
  const limits = (what: string, bytes: number): Omit<PhaseLimits, 'inFlight'> => ({
    budgetBytes: bytes,
    durationMs: phaseMs,
    clock,
    signal,
    onBytes: meter(what),
  });

  meter('measuring the round trip');
  const roundTripsMs: number[] = [];
  for (let number = -WARM_UP_ROUND_TRIPS; number < ROUND_TRIPS; number += 1) {
    const ms = await timeOf(clock, session.ping());
    if (number >= 0) roundTripsMs.push(ms);
  }

  const one = limits('measuring one connection', budgetBytes * budgetShares.oneConnection);
  const oneConnection = await measureTransfer([session], { ...one, inFlight: CAPTURE_IN_FLIGHT });
  const many = limits('measuring several connections', budgetBytes * budgetShares.manyConnections);
  const manyConnections = await overSeveral(options, session, (sessions) =>
    measureTransfer(sessions, { ...many, inFlight: CAPTURE_IN_FLIGHT }),
  );

  const isReadable = file.cryptMode !== 'encrypt' || crypt !== undefined;
  const consume = consumer(isReadable ? options.decoder : undefined);
  const source = session;
  await readChunks(chunks.warmUp, {
    ...limits('reading chunks', budgetBytes),
    source,
    consume,
    inFlight: 1,
  });
  const answersMs: number[] = [];
  const small = meter('reading chunks one at a time');
  const alone = await readChunks(chunks.alone, {
    ...limits('reading chunks one at a time', budgetBytes * budgetShares.alone),
    source,
    consume,
    // Beside each other, so that what slows this machine for a while slows all three.
    before: async () => {
      roundTripsMs.push(await timeOf(clock, session.ping()));
      answersMs.push(await session.speedtest(signal, small));
    },
    inFlight: 1,
  });
  const window = await readChunks(chunks.window, {
    ...limits(`reading chunks, ${CAPTURE_IN_FLIGHT} at a time`, Math.max(0, budgetBytes - transferredBytes)),
    source,
    consume,
    inFlight: CAPTURE_IN_FLIGHT,
  });

  const oneRate = oneConnection.steadyRate();
  const manyRate = manyConnections.steadyRate();
  const estimates =
    oneRate === undefined
      ? undefined
      : estimateServer({
          roundTripsMs,
          answersMs,
          oneConnection: oneRate,
          ...(manyRate === undefined ? {} : { manyConnections: manyRate }),
          alone,
          window,
          inFlight: CAPTURE_IN_FLIGHT,
        });
  if (estimates === undefined) throw tooLittle(budgetBytes);

  meter('comparing with older backups');
  const older = await readOlderIndexes(options);
  const history = readHistory([...older.images, index]);
  const image = imageStatistics(index);
  return {
    estimates,
    image,
    history: {
      backups: history.backups,
      ...(history.changeRate === undefined ? {} : { changeRate: history.changeRate }),
    },
    ages: ageClasses(alone.reads, { ...history, chunkCount: image.chunkCount }),
    ...(older.unavailable === undefined ? {} : { backupsUnavailable: older.unavailable }),
    connectMs,
    tls: session.tls,
    transferredBytes,
    durationMs: clock.now() - startedMs,
    warnings: [...warnings, ...(chunks.isReadTwice ? [READ_TWICE] : []), ...(isReadable ? [] : [NOT_DECODED])],
  };
}

const READ_TWICE =
  'The image has few distinct chunks: those that were read one at a time were read again in the window, from a cache of the server, perhaps.';

const NOT_DECODED =
  'The image is encrypted and no key was given: its zero chunks were taken for data, and the rates are those without decoding.';

interface ChosenChunks {
  readonly warmUp: readonly Slot[];
  /** In random order, so that nothing is read ahead. */
  readonly alone: readonly Slot[];
  /** In index order, as a restore reads them. */
  readonly window: readonly Slot[];
  readonly isReadTwice: boolean;
}

/** Each chunk is read once, since a server that has read it has it in memory, unless there are too few. */
function chooseChunks(index: Image, seed: string): ChosenChunks {
  const distinct = distinctChunks(index);
  const chunks = new SeededRandom(seed).take(distinct, distinct.length);
  if (chunks.length < LEAST_ALONE + WARM_UP_CHUNKS) {
    throw new UsageError(`the image has only ${chunks.length} different chunks of data: too few to measure`, {
      code: 'capture-too-small',
      hint: 'name a larger image of the snapshot, or another snapshot',
    });
  }
  const warmUp = chunks.slice(0, WARM_UP_CHUNKS);
  const rest = chunks.slice(WARM_UP_CHUNKS);
  const alone = rest.slice(0, Math.max(LEAST_ALONE, Math.min(MOST_ALONE, Math.floor(rest.length / 2))));
  const others = rest.slice(alone.length);
  const isReadTwice = others.length < 2 * CAPTURE_IN_FLIGHT;
  const window = (isReadTwice ? chunks : others).toSorted((a, b) => a.index - b.index);
  return { warmUp, alone, window, isReadTwice };
}

async function timeOf(clock: Clock, doing: Promise<unknown>): Promise<number> {
  const startedMs = clock.now();
  await doing;
  return clock.now() - startedMs;
}

/** @throws UsageError `archive-not-image`; what sessions throw */
async function downloadImage(
  session: ReaderSession,
  archive: string,
  signal: AbortSignal,
): Promise<DownloadedIndex<FixedIndex>> {
  const downloaded = await session.downloadIndex(archive, signal);
  const { index, file } = downloaded;
  if (index instanceof FixedIndex) return { ...downloaded, index };
  throw new UsageError(`${file.filename} is not the image of a disk`, {
    code: 'archive-not-image',
    hint: 'images have names that end in .img.fidx',
  });
}

/** The first session and more, for as long as `measure` takes. */
async function overSeveral<Result>(
  { open, snapshot, signal }: CaptureOptions,
  first: ReaderSession,
  measure: (sessions: readonly ReaderSession[]) => Promise<Result>,
): Promise<Result> {
  await using opened = new AsyncDisposableStack();
  const sessions = [first];
  for (let connection = 1; connection < CAPTURE_CONNECTIONS; connection += 1)
    sessions.push(opened.use(await open({ snapshot, connection, signal })));
  return await measure(sessions);
}

function consumer(decoder: DecoderPool | undefined): (chunk: EncodedChunk, slot: Slot) => Promise<void> {
  return async (chunk, slot) => {
    if (decoder === undefined) (chunk as Awaited<ReturnType<ReaderSession['fetch']>>).memory.giveBack();
    else (await decoder.decode(chunk, slot)).release();
  };
}

/** Indexes of the same image in earlier backups, oldest first. Nothing that goes wrong here stops the capture. */
async function readOlderIndexes({
  open,
  snapshot,
  archive,
  listBackups,
  signal,
}: CaptureOptions): Promise<{ readonly images: readonly Image[]; readonly unavailable?: string }> {
  try {
    const names = (await listBackups()).filter((name) => name < snapshot).toSorted();
    const images: Image[] = [];
    for (const older of names.slice(-(MAX_BACKUPS - 1))) {
      await using session = await open({ snapshot: older, connection: 0, signal });
      images.push((await downloadImage(session, archive, signal)).index);
    }
    return { images };
  } catch (error) {
    signal.throwIfAborted();
    return { images: [], unavailable: error instanceof Error ? error.message : String(error) };
  }
}

function tooLittle(budgetBytes: number): UsageError {
  return new UsageError(
    `too few bytes came in time and within the budget of ${formatBytes(budgetBytes)} to measure a rate`,
    {
      code: 'capture-budget',
      hint: `give a longer --phase-time or a larger --budget: each measurement needs some times ${formatBytes(SPEEDTEST_BYTES)}`,
    },
  );
}
