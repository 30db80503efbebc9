import { metric, unavailable, type Metric } from '../model/metric.ts';
import type { RecordedImage } from '../model/records.ts';
import { concurrency } from '../stats/concurrency.ts';
import { mean } from '../stats/mean.ts';
import { median } from '../stats/quantile.ts';
import { chunkTimes } from './chunk-times.ts';
import type { MeasuredTrial } from './measured-trials.ts';

/** Time-weighted mean of the data chunks held at once, from the spans of one trial; undefined without spans. */
export function meanInFlight({ spans, durationMs }: MeasuredTrial): number | undefined {
  if (spans === undefined) return undefined;
  const held = chunkTimes(spans).map(({ startMs, endMs }) => ({ start: startMs, end: endMs }));
  return concurrency(held, { start: 0, end: durationMs })?.mean;
}

/**
 * Little's law: what is in flight is throughput times latency. The prediction takes the throughput from the bytes and
 * the duration of the trial, the measurement comes from the spans alone: where the two differ, chunks are missing from
 * the spans or times lie outside the trial, and the latencies are not to be trusted.
 */
export function checkLittlesLaw(
  trials: readonly MeasuredTrial[],
  image: RecordedImage | undefined,
): { readonly predictedInFlight: Metric; readonly measuredInFlight: Metric } {
  const predicted = trials.flatMap((trial) => predictInFlight(trial, image) ?? []);
  const measured = trials.flatMap((trial) => meanInFlight(trial) ?? []);
  return { predictedInFlight: medianMetric(predicted), measuredInFlight: medianMetric(measured) };
}

function predictInFlight(
  { spans, bytes, durationMs }: MeasuredTrial,
  image: RecordedImage | undefined,
): number | undefined {
  if (spans === undefined || image === undefined) return undefined;
  const dataChunks = image.chunkCount - image.zeroChunkCount;
  const latencyMs = mean(chunkTimes(spans).map(({ startMs, endMs }) => endMs - startMs));
  if (latencyMs === undefined || dataChunks === 0 || image.dataBytes === 0) return undefined;
  const chunksPerMs = bytes.data / (image.dataBytes / dataChunks) / durationMs;
  return chunksPerMs * latencyMs;
}

function medianMetric(values: readonly number[]): Metric {
  const value = median(values);
  return value === undefined ? unavailable('no chunk times were recorded') : metric(value);
}
