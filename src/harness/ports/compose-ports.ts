import type { Image } from '../../model/image.ts';
import type {
  ChunkDecoder,
  ChunkSource,
  Clock,
  RestoreContext,
  RestoreTarget,
  StrategyKnobs,
} from '../../model/ports.ts';
import { BufferBudget } from './buffer-budget.ts';
import { recordingPorts } from './recording-ports.ts';
import { SerialWriter } from './serial-writer.ts';
import { SpanRecorder } from './span-recorder.ts';
import { StallGuard } from './stall-guard.ts';

export interface ComposePortsOptions {
  readonly image: Image;
  readonly source: ChunkSource;
  readonly decoder: ChunkDecoder;
  /** With the proof of bytes, if any, inside: it sees every write as it reaches the device. */
  readonly target: RestoreTarget;
  /** The trial's start is its time now. */
  readonly clock: Clock;
  readonly knobs: StrategyKnobs;
  readonly stallTimeoutMs: number;
  readonly signal: AbortSignal;
  /** Whether spans are taken down. */
  readonly recording: boolean;
}

/** The ports of one trial. Disposed after it, since it listens to the caller's signal. */
export interface ComposedPorts extends Disposable {
  /** For `strategy.restore`, to be run inside `guard.watch`; the harness itself calls `context.target.finish`. */
  readonly context: RestoreContext;
  readonly startedAtMs: number;
  readonly recorder?: SpanRecorder;
  readonly budget: BufferBudget;
  readonly writer: SerialWriter;
  readonly guard: StallGuard;
}

/**
 * Puts bounds and records round the ports of one trial, none of them known to a strategy. From the strategy inwards:
 * recording (so that waiting for buffers and for the writer counts), the stall guard, the buffer budget, the writer.
 */
export function composePorts(options: ComposePortsOptions): ComposedPorts {
  const { image, clock, knobs, signal, recording } = options;
  const startedAtMs = clock.now();
  const recorder = recording ? new SpanRecorder(image, startedAtMs) : undefined;
  const guard = new StallGuard({ clock, stallTimeoutMs: options.stallTimeoutMs, signal });
  const budget = new BufferBudget({ bufferBytes: knobs.bufferBytes, chunkSize: image.chunkSize });
  const writer = new SerialWriter({
    target: options.target,
    writers: knobs.writers,
    clock,
    signal: guard.signal,
    ...(recorder === undefined ? {} : { onTaken: (offset: number) => recorder.writeStarted(offset, clock.now()) }),
  });
  const bounded = {
    source: guard.watchSource(budget.boundSource(options.source)),
    decoder: budget.boundDecoder(options.decoder),
    target: guard.watchTarget(budget.boundTarget(writer)),
  };
  const ports = recorder === undefined ? bounded : recordingPorts(bounded, recorder, clock);
  return {
    context: { ...ports, image, clock, signal: guard.signal, inFlight: knobs.inFlight },
    startedAtMs,
    ...(recorder === undefined ? {} : { recorder }),
    budget,
    writer,
    guard,
    [Symbol.dispose]: () => guard[Symbol.dispose](),
  };
}
