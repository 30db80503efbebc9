import { GiB, MiB } from '../../../src/model/units.ts';
import type { TrialFigures } from '../ends/restore-control.ts';
import { ratioOf, type Family, type Measurement, type Probe } from '../family.ts';
import { RestoreClient } from './restore-client.ts';
import { restoreScenario } from './restore-scenarios.ts';

/** Of a client beside the buffers that its user grants it. */
const OWN_MIB = 160;
const BUFFER_MIB = 256;
/** CPU time of the main thread for which nothing else may be held up. */
const TURN_MS = 20;

const strategy = `{ name: window-unordered, inFlight: 16, decodeThreads: 2, bufferBytes: ${BUFFER_MIB} MiB }`;
const synthesised = ['server: { kind: embedded, chunks: synthesised }'];

const order = (sizeBytes: number, more: readonly string[] = synthesised) => ({
  scenario: restoreScenario({ sizeBytes, compressionRatio: 1, strategies: [strategy], more }),
  strategy: 'window-unordered',
  recording: true,
});

const LARGE: Measurement = { name: 'memory-64-gib', unit: 'MiB', settings: 'peak resident set, 64 GiB image' };
const SMALL: Measurement = { name: 'memory-4-gib', unit: 'MiB', settings: 'peak resident set, 4 GiB image' };
const EARLY: Measurement = { name: 'memory-trials-2-5', unit: 'MiB', settings: 'peak resident set, 1 GiB image' };
const LATE: Measurement = { name: 'memory-trials-6-10', unit: 'MiB', settings: 'the same process' };
const TURN: Measurement = {
  name: 'turn-cpu-p99',
  unit: 'ms',
  settings: 'CPU time of a turn of the event loop, of which no callback is longer',
};
const DELAY: Measurement = { name: 'event-loop-delay-p99', unit: 'ms', settings: 'in the same restores' };
const WAIT: Measurement = {
  name: 'run-queue-wait',
  unit: 'ms/s',
  settings: 'for which the main thread had work but no core, per second of the same restores',
};

const withinBound = (name: string, measurement: string) =>
  ratioOf(name, { atMost: 1 }, [measurement], (value) => ({ of: value(measurement), to: OWN_MIB + BUFFER_MIB }));

/** Memory of the client, and what holds up its event loop. */
export function memoryFamily({ folder }: { readonly folder: string }): Family {
  return {
    name: 'memory',
    measurements: [SMALL, EARLY, LATE, TURN, DELAY, WAIT],
    ratios: [
      withinBound('memory-4-gib-over-bound', SMALL.name),
      ratioOf('memory-late-over-early-trials', { atMost: 1.05 }, [LATE.name, EARLY.name], (value) => ({
        of: value(LATE.name),
        to: value(EARLY.name),
      })),
      ratioOf('turn-cpu-over-20-ms', { atMost: 1 }, [TURN.name], (value) => ({ of: value(TURN.name), to: TURN_MS })),
    ],
    minimumBlocks: 3,
    maximumBlocks: 5,
    async open(wanted) {
      const probes: readonly Probe[] = [
        { measurements: [SMALL.name], measure: async () => [await peakOf(folder, 4 * GiB)] },
        { measurements: [EARLY.name, LATE.name], measure: async () => await peaksOfTrials(folder) },
        { measurements: [TURN.name, DELAY.name, WAIT.name], measure: async () => await eventLoopFigures(folder) },
      ];
      return probes.filter(({ measurements }) => measurements.some((name) => wanted.has(name)));
    },
  };
}

/** The same for an image that takes minutes: once a run. */
export function largeMemoryFamily({ folder }: { readonly folder: string }): Family {
  const small = { ...SMALL, name: 'memory-4-gib-beside' };
  return {
    name: 'memory-large',
    measurements: [LARGE, small],
    ratios: [
      withinBound('memory-64-gib-over-bound', LARGE.name),
      ratioOf('memory-64-gib-over-4-gib', { atMost: 1.05 }, [LARGE.name, small.name], (value) => ({
        of: value(LARGE.name),
        to: value(small.name),
      })),
    ],
    minimumBlocks: 1,
    maximumBlocks: 1,
    open: async (wanted) =>
      [
        { measurements: [LARGE.name], measure: async () => [await peakOf(folder, 64 * GiB)] },
        { measurements: [small.name], measure: async () => [await peakOf(folder, 4 * GiB)] },
      ].filter(({ measurements }) => measurements.some((name) => wanted.has(name))),
  };
}

/** MiB, in a process of its own. */
async function peakOf(folder: string, sizeBytes: number): Promise<number> {
  await using client = await RestoreClient.start(folder);
  return peakMiB(await client.restore(order(sizeBytes)));
}

/** Largest peaks of trials 2 to 5 and 6 to 10 of one process, MiB. */
async function peaksOfTrials(folder: string): Promise<readonly number[]> {
  await using client = await RestoreClient.start(folder);
  const peaks: number[] = [];
  for (let trial = 1; trial <= 10; trial += 1) peaks.push(peakMiB(await client.restore(order(GiB))));
  return [Math.max(...peaks.slice(1, 5)), Math.max(...peaks.slice(5, 10))];
}

async function eventLoopFigures(folder: string): Promise<readonly number[]> {
  await using client = await RestoreClient.start(folder);
  await client.restore(order(GiB));
  const figures = await client.restore({ ...order(GiB), watchTurns: true });
  const { turnCpuMsP99, eventLoopDelayMsP99, mainThreadWaitMs, durationMs } = figures;
  return [turnCpuMsP99, eventLoopDelayMsP99, mainThreadWaitMs && mainThreadWaitMs / (durationMs / 1000)].map(
    (value) => value ?? Number.NaN,
  );
}

function peakMiB({ peakResidentBytes }: TrialFigures): number {
  if (peakResidentBytes === undefined) throw new Error('this kernel does not reset the peak of a resident set');
  return peakResidentBytes / MiB;
}
