import type {
  ChunkDecoder,
  ChunkSource,
  Clock,
  EncodedChunk,
  RestoreContext,
  RestoreTarget,
} from '../../model/ports.ts';
import type { SpanRecorder } from './span-recorder.ts';

/**
 * Ports that note in `recorder` what passes through them. Handles pass through as they are, so that further wrappers
 * and the real ports see their own; a fetch is matched with its slot when its handle is decoded, since a fetch does not
 * know the slot. When the writer takes a write is told to the recorder by the writer, which stands behind these ports.
 */
export function recordingPorts(
  { sources, decoder, target }: Pick<RestoreContext, 'sources' | 'decoder' | 'target'>,
  recorder: SpanRecorder,
  clock: Clock,
): Pick<RestoreContext, 'sources' | 'decoder' | 'target'> {
  const fetchCalledMs = new Map<EncodedChunk, number>();
  return {
    sources: sources.map((source) => recordingSource(source, fetchCalledMs, clock)),
    decoder: recordingDecoder(decoder, fetchCalledMs, recorder, clock),
    target: recordingTarget(target, recorder, clock),
  };
}

const recordingSource = (source: ChunkSource, fetchCalledMs: Map<EncodedChunk, number>, clock: Clock): ChunkSource => ({
  async fetch(digest, signal) {
    const calledMs = clock.now();
    const chunk = await source.fetch(digest, signal);
    fetchCalledMs.set(chunk, calledMs);
    return chunk;
  },
});

const recordingDecoder = (
  decoder: ChunkDecoder,
  fetchCalledMs: Map<EncodedChunk, number>,
  recorder: SpanRecorder,
  clock: Clock,
): ChunkDecoder => ({
  async decode(chunk, slot) {
    recorder.fetched(slot.index, fetchCalledMs.get(chunk), chunk);
    fetchCalledMs.delete(chunk);
    const calledMs = clock.now();
    const plain = await decoder.decode(chunk, slot);
    recorder.decoded(slot.index, calledMs, plain);
    return plain;
  },
});

const recordingTarget = (target: RestoreTarget, recorder: SpanRecorder, clock: Clock): RestoreTarget => ({
  async write(offset, chunk) {
    recorder.writeCalled(offset, clock.now());
    await target.write(offset, chunk);
    recorder.written(offset, clock.now());
  },
  async writeZeroes(offset, length) {
    recorder.writeCalled(offset, clock.now());
    await target.writeZeroes(offset, length);
    recorder.written(offset, clock.now());
  },
  finish: () => target.finish(),
});
