import { watchEventLoop } from '../metrics/event-loop.ts';
import type { DecoderPool } from '../decode/decoder-pool.ts';
import type { CaseSettings, TrialSettings } from '../model/environment.ts';
import type { Image } from '../model/image.ts';
import type { ChunkDecoder, ChunkSource, Clock, RestoreTarget, Strategy, StrategyKnobs } from '../model/ports.ts';
import type { PlannedTrial, ProofRecord, TrialBytes, TrialCounters, TrialRecord } from '../model/records.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import { createTarget } from '../target/create-target.ts';
import type { ExpectedImage, IndexedImage } from '../target/target.ts';
import { indexFacts } from './index-facts.ts';
import type { Sessions } from './open-sessions.ts';
import { mostChunksHeld } from './ports/buffer-budget.ts';
import { composePorts } from './ports/compose-ports.ts';

type Writable<Value> = { -readonly [Name in keyof Value]: Value[Name] };

/** What a trial finds out, as far as it came. */
export type Findings = Writable<Omit<TrialRecord, keyof PlannedTrial | 'formatVersion' | 'status' | 'error'>>;

/** Counts what is beside the client's own parts until `stop` is called. */
export interface Counting {
  /** Its first readings are taken at once, before anything is waited for. */
  stop(): Promise<Omit<TrialCounters, 'clientParts'>>;
}

/** Where the chunks of a restore come from, and what of that side can be measured. */
export interface RestoreSite {
  /** Makes it ready for a trial and opens its sessions. */
  openSessions(connections: number, signal: AbortSignal): Promise<Sessions>;
  /** What is restored of the image that the sessions offer. */
  image(index: Image): Image;
  /** Bounds what a strategy may ask for, if anything does. */
  readonly limitSources?: (sources: readonly ChunkSource[], clock: Clock) => readonly ChunkSource[];
  decoderPool(threads: number, crypt: CryptConfig | undefined): DecoderPool;
  lendMemory(chunks: number, decoder: DecoderPool): AsyncDisposable;
  /** What HTTP/2 implementation the server has, for records. */
  readonly serverTransport: string;
  /** Right before the trial. */
  prepareTrial?(image: Image, signal: AbortSignal, findings: Findings): Promise<void>;
  startCounting(sessions: Sessions): Promise<Counting>;
  /** Bytes that crossed the line during the trial. */
  wireBytes(counters: TrialCounters, sessions: Sessions): number;
  expected(image: Image): ExpectedImage | IndexedImage;
  /** A proof round the ports, beside that of the target. */
  readonly proof?: {
    watchDecoder(decoder: ChunkDecoder): ChunkDecoder;
    watchTarget(target: RestoreTarget): RestoreTarget;
    problems(image: Image): readonly string[];
    readonly method: ProofRecord['method'];
  };
  /** The image is whole but not the one that the scenario names. */
  readonly mismatch?: string;
}

export interface RestoreOnceOptions {
  readonly settings: CaseSettings;
  readonly trialSettings: TrialSettings;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called for each chunk that was written, with image bytes so far. */
  readonly onProgress: (logicalBytes: number) => void;
}

/** One restore by one strategy from one site, timed, counted and proven; whatever it finds is there even if it rejects. */
export async function restoreOnce(
  { strategy, knobs }: { readonly strategy: Strategy; readonly knobs: StrategyKnobs },
  site: RestoreSite,
  { settings, trialSettings, clock, signal, onProgress }: RestoreOnceOptions,
  findings: Findings,
): Promise<void> {
  const beforeSetup = clock.now();
  await using memory = new AsyncDisposableStack();
  await using sessions = await site.openSessions(knobs.connections, signal);
  findings.connection = {
    transport: { client: settings.transport.name, server: site.serverTransport },
    tlsProtocol: sessions.tls.protocol,
    tlsCipher: sessions.tls.cipher,
  };
  const image = site.image(sessions.index);
  const pool = site.decoderPool(knobs.decodeThreads, sessions.crypt);
  memory.use(site.lendMemory(mostChunksHeld(knobs, image), pool));
  await using target = await createTarget(settings.target, { size: image.size, clock });
  const { proof } = site;
  const counted = countBytes(target, onProgress);
  using ports = composePorts({
    image,
    sources: sessions.sources,
    ...(site.limitSources === undefined ? {} : { limit: site.limitSources }),
    decoder: proof?.watchDecoder(pool) ?? pool,
    target: proof?.watchTarget(counted) ?? counted,
    clock,
    knobs,
    signal,
    recording: trialSettings.recording,
    stallTimeoutMs: trialSettings.stallTimeoutMs,
  });

  await site.prepareTrial?.(image, signal, findings);
  const counting = await site.startCounting(sessions);
  const decodeBusyBefore = pool.busyMs;
  const eventLoop = watchEventLoop();
  const startedAtMs = clock.now();
  findings.startedAtMs = startedAtMs;
  findings.setupMs = startedAtMs - beforeSetup;

  const takeFindings = async (): Promise<void> => {
    findings.durationMs = clock.now() - startedAtMs;
    const beside = counting.stop();
    const eventLoopFigures = eventLoop.stop();
    const decodeBusyMs = pool.busyMs - decodeBusyBefore;
    const spans = ports.recorder?.toSpanTable();
    if (spans !== undefined) findings.spans = spans;
    findings.counters = {
      ...(await beside),
      clientParts: {
        ...eventLoopFigures,
        decodeThreads: knobs.decodeThreads,
        decodeBusyMs,
        writeBusyMs: target.writeBusyMs,
        proofCpuMs: target.proofCpuMs,
        windowUtilization: sessions.peakWindowUtilization(),
        peakBufferedBytes: ports.budget.peakBytes,
        bufferWaits: ports.budget.waits,
      },
    };
  };

  try {
    await ports.restore(strategy, startedAtMs);
  } catch (error) {
    // The cause is the restore's, also where a process that counted died of it.
    await takeFindings().catch(() => {});
    // What the strategy left in the threads must not write to a file that is closed, nor run into the next trial.
    await pool.reset();
    throw error;
  }
  await takeFindings();

  const outcome = await target.prove(site.expected(image), signal);
  const problems = [
    ...(proof?.problems(image) ?? []),
    ...outcome.proof.problems,
    ...(site.mismatch === undefined ? [] : [site.mismatch]),
  ];
  findings.verified = outcome.verified && problems.length === 0;
  findings.proof = { ...outcome.proof, ...(proof === undefined ? {} : { method: proof.method }), problems };
  if (outcome.sha256 !== undefined) findings.sha256 = outcome.sha256;
  if (findings.counters !== undefined) findings.bytes = trialBytes(image, site.wireBytes(findings.counters, sessions));
}

function trialBytes(image: Image, wire: number): TrialBytes {
  const { sizeBytes, dataBytes, uniqueBytes } = indexFacts(image);
  return { logical: sizeBytes, data: dataBytes, unique: uniqueBytes, wire };
}

/** Progress is counted where bytes have been written, outside of what is recorded. */
function countBytes(target: RestoreTarget, onProgress: (bytes: number) => void): RestoreTarget {
  let written = 0;
  const count = (length: number): void => onProgress((written += length));
  return {
    write: async (offset, chunk) => {
      await target.write(offset, chunk);
      count(chunk.length);
    },
    writeZeroes: async (offset, length) => {
      await target.writeZeroes(offset, length);
      count(length);
    },
    finish: async () => await target.finish(),
  };
}
