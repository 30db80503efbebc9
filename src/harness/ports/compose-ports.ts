import type { Image } from '../../model/image.ts';
import type {
  ChunkDecoder,
  ChunkSource,
  Clock,
  RestoreContext,
  RestoreTarget,
  Strategy,
  StrategyKnobs,
} from '../../model/ports.ts';
import { BufferBudget } from './buffer-budget.ts';
import { recordingPorts } from './recording-ports.ts';
import { SerialWriter } from './serial-writer.ts';
import { SpanRecorder } from './span-recorder.ts';
import { StallGuard } from './stall-guard.ts';

export interface ComposePortsOptions {
  readonly image: Image;
  /** One for each session, in the order of their numbers. */
  readonly sources: readonly ChunkSource[];
  /** What bounds them, if anything does: right before the sessions, with a clock that knows that pauses are no stall. */
  readonly limit?: (sources: readonly ChunkSource[], clock: Clock) => readonly ChunkSource[];
  readonly decoder: ChunkDecoder;
  /** With the proof of bytes, if any, inside: it sees every write as it reaches the device. */
  readonly target: RestoreTarget;
  readonly clock: Clock;
  readonly knobs: StrategyKnobs;
  readonly stallTimeoutMs: number;
  readonly signal: AbortSignal;
  /** Whether spans are taken down. */
  readonly recording: boolean;
}

/** The ports of one trial. Disposed after it, since it listens to the caller's signal. */
export interface ComposedPorts extends Disposable {
  /**
   * Runs the strategy over these ports, once, and finishes the target, watched by the stall guard. Rejects as the strategy does, with a
   * TrialStalledError, or with the reason of the caller's signal. Resolves when the target is finished.
   *
   * @param startedAtMs the trial's start on its clock; times of spans count from there
   */
  restore(strategy: Strategy, startedAtMs: number): Promise<void>;
  /** Absent when recording is off. */
  readonly recorder?: SpanRecorder;
  readonly budget: BufferBudget;
}

/**
 * Puts bounds and records round the ports of one trial, none of them known to a strategy. From the strategy inwards:
 * recording (so that waiting for buffers and for the writer counts), the stall guard, the buffer budget, the writer.
 */
export function composePorts(options: ComposePortsOptions): ComposedPorts {
  const { image, clock, knobs, signal, recording, stallTimeoutMs } = options;
  const recorder = recording ? new SpanRecorder(image) : undefined;
  const guard = new StallGuard({ clock, stallTimeoutMs, signal });
  const budget = new BufferBudget({ bufferBytes: knobs.bufferBytes, chunkSize: image.chunkSize });
  const writer = new SerialWriter({
    target: options.target,
    writers: knobs.writers,
    signal: guard.signal,
    ...(recorder === undefined ? {} : { onTaken: (offset: number) => recorder.writeStarted(offset, clock.now()) }),
  });
  const limited = options.limit?.(options.sources, guard.watchClock(clock)) ?? options.sources;
  const bounded = {
    sources: limited.map((source) => guard.watchSource(budget.boundSource(source))),
    decoder: budget.boundDecoder(options.decoder),
    target: guard.watchTarget(budget.boundTarget(writer)),
  };
  const ports = recorder === undefined ? bounded : recordingPorts(bounded, recorder, clock);
  const [source] = ports.sources;
  if (source === undefined) throw new RangeError('a restore needs a session');
  const { inFlight, polite } = knobs;
  const context: RestoreContext = {
    ...ports,
    source,
    image,
    clock: guard.watchClock(clock),
    signal: guard.signal,
    inFlight,
    polite,
  };
  return {
    restore: async (strategy, startedAtMs) => {
      recorder?.start(startedAtMs);
      await guard.watch(async () => {
        await strategy.restore(context);
        await bounded.target.finish();
      });
    },
    ...(recorder === undefined ? {} : { recorder }),
    budget,
    [Symbol.dispose]: () => guard[Symbol.dispose](),
  };
}
