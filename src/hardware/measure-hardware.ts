import { makeFolder } from '../files/make-folder.ts';
import type { Clock } from '../model/ports.ts';
import { DEFAULT_CHUNK_SIZE } from '../model/units.ts';
import { loadCertificate } from '../pbs/server/certificate.ts';
import { entryUrl, ServiceProcess } from '../process/service-process.ts';
import { median } from '../stats/quantile.ts';
import { acceleratedPrimitives, type Acceleration, type EnvironmentVariable } from './acceleration.ts';
import type { MeasuringCalls, RoundSample } from './control.ts';
import type { PeerCalls } from './peer/control.ts';
import { primitiveNames, type PrimitiveName } from './primitive-names.ts';
import type { PeerAddress } from './primitive.ts';
import { primitives } from './primitives.ts';
import type { HardwareProfile, Measurement } from './profile.ts';
import { measuredRatios } from './shared-material.ts';

export interface MeasureOptions {
  /** Names of primitives, in any order. */
  readonly names: ReadonlySet<PrimitiveName>;
  readonly rounds: number;
  /** What all of it may take, about; decides how long a round is. */
  readonly budgetMs: number;
  readonly maxRoundMs: number;
  readonly cores: number;
  /** Absolute path: where files are written. */
  readonly folder: string;
  readonly certificateFolder: string;
  /** The environment for child processes. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly without?: { readonly names: readonly Acceleration[]; readonly variable: EnvironmentVariable };
  readonly clock: Pick<Clock, 'now'>;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number, name: string) => void;
}

export type Measured = Pick<HardwareProfile, 'method' | 'measurements' | 'acceleration'>;

/**
 * Not counted: every thread has to compile the code of every primitive, files get their first pages, and Node.js takes
 * most of a second over ciphers before they run at their speed.
 */
const WARM_UP_ROUNDS = 1;

/** Share of a round that its warm-up takes in addition. */
const WARM_UP_SHARE = 0.2;

/** What a round costs besides, at first: messages, and work that ends after its time. */
const ROUND_OVERHEAD_MS = 12;

/** Two chunks at least, where a chunk takes some milliseconds. */
const MIN_ROUND_MS = 20;

/** What was measured of one primitive on so many threads. */
interface Found {
  readonly samples: RoundSample[];
  problem?: string;
}

interface Variant {
  readonly measuring: ServiceProcess<MeasuringCalls>;
  readonly names: readonly PrimitiveName[];
  readonly found: Map<string, Found>;
}

/**
 * Measures in a process of its own, in rounds: each round has every primitive once on one thread and once on all cores,
 * so that what changes slowly on the machine touches all of them alike. A primitive that fails is reported as such and
 * does not stop the others. Rejects with the signal's reason when aborted.
 */
export async function measureHardware(options: MeasureOptions): Promise<Measured> {
  const { names, rounds, cores, folder, without, env, clock, signal, onProgress } = options;
  const chosen = primitiveNames.filter((name) => names.has(name));
  const affected = new Set(without?.names.flatMap((name) => acceleratedPrimitives[name]));
  const threadCounts = cores > 1 ? [1, cores] : [1];
  const compared = without === undefined ? [] : chosen.filter((name) => affected.has(name));
  const total = (WARM_UP_ROUNDS + rounds) * threadCounts.length * (chosen.length + compared.length);
  const startedMs = clock.now();

  await makeFolder(folder, { doing: `making the folder ${folder} for file writes` });
  await using stack = new AsyncDisposableStack();
  const needsPeer = chosen.some((name) => primitives[name].needsPeer === true);
  const peer = needsPeer ? await startPeer(stack, cores, options.certificateFolder) : undefined;
  const startVariant = async (
    of: readonly PrimitiveName[],
    variantEnv: Readonly<Record<string, string | undefined>>,
  ): Promise<Variant> => {
    const entry = entryUrl('./main', import.meta.url);
    const measuring = stack.use(await ServiceProcess.start<MeasuringCalls>('measuring', entry, { env: variantEnv }));
    const ratios = measuredRatios.filter((ratio) => of.some((name) => primitives[name].ratio === ratio));
    await measuring.call('open', { threads: cores, folder, ratios, ...(peer === undefined ? {} : { peer }) });
    return { measuring, names: of, found: new Map() };
  };
  const plain = await startVariant(chosen, { ...env });
  const limited =
    without === undefined || compared.length === 0
      ? undefined
      : await startVariant(compared, { ...env, [without.variable.name]: without.variable.value });

  let done = 0;
  let overheadMs = ROUND_OVERHEAD_MS;
  const roundsMs: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    const roundStartedMs = clock.now();
    const leftMs = options.budgetMs - (roundStartedMs - startedMs);
    const roundMs = roundLength(leftMs / (total - done), overheadMs, options.maxRoundMs);
    if (round >= 0) roundsMs.push(roundMs);
    for (const name of chosen) {
      for (const variant of [plain, limited]) {
        if (variant?.names.includes(name) !== true) continue;
        for (const threads of threadCounts) {
          signal.throwIfAborted();
          onProgress(done, total, name);
          const sample = await measureRound(variant, name, threads, roundMs);
          if (sample !== undefined && round >= 0) foundOf(variant, name, threads).samples.push(sample);
          done += 1;
        }
      }
    }
    // A machine that is busy otherwise makes every message wait.
    overheadMs = (clock.now() - roundStartedMs) / (total / (WARM_UP_ROUNDS + rounds)) - roundMs * (1 + WARM_UP_SHARE);
  }
  return {
    method: {
      rounds,
      roundMs: Math.round(median(roundsMs) ?? MIN_ROUND_MS),
      chunkBytes: DEFAULT_CHUNK_SIZE,
      threads: threadCounts,
      clock: 'CLOCK_MONOTONIC',
      cpu: 'user and system time of the measuring process (getrusage), read before and after each round',
      folder,
    },
    measurements: toMeasurements(plain, threadCounts),
    ...(limited === undefined || without === undefined
      ? {}
      : {
          acceleration: {
            without: without.names,
            environment: `${without.variable.name}=${without.variable.value}`,
            measurements: toMeasurements(limited, threadCounts),
          },
        }),
  };

  /** Undefined where the primitive has failed, now or before. */
  async function measureRound(
    variant: Variant,
    name: PrimitiveName,
    threads: number,
    durationMs: number,
  ): Promise<RoundSample | undefined> {
    const found = foundOf(variant, name, threads);
    if (found.problem !== undefined) return undefined;
    const calledMs = clock.now();
    try {
      const warmUpMs = durationMs * WARM_UP_SHARE;
      return await variant.measuring.call('round', { name, threads, warmUpMs, durationMs });
    } catch (error) {
      if (!variant.measuring.isRunning) throw error;
      found.problem = `failed after ${Math.round(clock.now() - calledMs)} ms: ${(error as Error).message}`;
      return undefined;
    }
  }
}

function foundOf({ found }: Variant, name: PrimitiveName, threads: number): Found {
  const key = keyOf(name, threads);
  const known = found.get(key);
  if (known !== undefined) return known;
  const fresh: Found = { samples: [] };
  found.set(key, fresh);
  return fresh;
}

/** How long a round may be so that it fits into its share of the time with its warm-up and what it costs besides. */
function roundLength(shareMs: number, overheadMs: number, maxRoundMs: number): number {
  return Math.min(maxRoundMs, Math.max(MIN_ROUND_MS, (shareMs - overheadMs) / (1 + WARM_UP_SHARE)));
}

async function startPeer(
  stack: AsyncDisposableStack,
  threads: number,
  certificateFolder: string,
): Promise<PeerAddress> {
  const certificate = await loadCertificate(certificateFolder);
  const entry = entryUrl('./peer/main', import.meta.url);
  const peer = stack.use(await ServiceProcess.start<PeerCalls>('TLS peer', entry));
  return { ports: await peer.call('open', { threads, certificate }), fingerprint: certificate.fingerprint };
}

const keyOf = (name: string, threads: number): string => `${name} ${threads}`;

function toMeasurements({ names: of, found }: Variant, threadCounts: readonly number[]): readonly Measurement[] {
  return of.flatMap((name) =>
    threadCounts.map((threads): Measurement => {
      const { samples = [], problem } = found.get(keyOf(name, threads)) ?? {};
      const head = { name, threads, unit: primitives[name].unit };
      return problem === undefined ? { ...head, samples } : { ...head, unavailable: problem };
    }),
  );
}
