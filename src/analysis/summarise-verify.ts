import { metric, metricValue, unavailable, type Metric, type UseRow } from '../model/metric.ts';
import { GB } from '../model/units.ts';
import type { VerifyData, VerifyRecord, VerifyReport } from '../model/verify.ts';
import { quantileOfSorted } from '../stats/quantile.ts';
import { chunkTimes, phaseShares } from './chunk-times.ts';
import { machineCores } from './use/machine-cores.ts';
import { processorRows } from './use/processor-rows.ts';
import { SampledWindows } from './use/sampled-windows.ts';
import { storageDeviceRows } from './use/storage-device-rows.ts';
import { asShare, timeBetween } from './use/use-context.ts';
import { judgeVerify } from './verify-verdict.ts';
import { drawVerifyWaterfall, type Waterfall } from './waterfall.ts';

/** What the report formats of a verify are made from. */
export interface VerifyAnalysis {
  readonly report: VerifyReport;
  /** Absent where no chunk times were recorded. */
  readonly waterfall?: Waterfall;
}

export function analyseVerify(data: VerifyData): VerifyAnalysis {
  const { spans } = data.record;
  const waterfall = spans === undefined ? undefined : drawVerifyWaterfall(spans);
  return { report: summariseVerify(data), ...(waterfall === undefined ? {} : { waterfall }) };
}

/** Recomputes every figure of a verify from what was recorded; pure. */
export function summariseVerify(data: VerifyData): VerifyReport {
  const { record } = data;
  const { spans, usage, startedAtMs: _, ...kept } = record;
  const chunks = spans === undefined ? [] : chunkTimes(spans);
  const latencies = chunks.map(({ startMs, endMs }) => endMs - startMs).toSorted((a, b) => a - b);
  const at = (share: number): Metric => {
    const value = quantileOfSorted(latencies, share);
    return value === undefined ? unavailable('no chunk times were recorded') : metric(value);
  };
  const cpuMs = metricValue(usage.cpuMs);
  return {
    ...kept,
    mode: 'verify',
    verdict: judgeVerify(record),
    throughput: throughputOf(record),
    cpuSecondsPerGb:
      cpuMs === undefined || record.bytes.checked === 0
        ? unavailable('not measured')
        : metric(cpuMs / 1000 / (record.bytes.checked / GB)),
    chunkLatencyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) },
    phaseShares: phaseShares(chunks) ?? {},
    use: useRows(data),
  };
}

/** What was not read to its end has no rate for bytes that were not looked at. */
function throughputOf({ bytes, durationMs, status }: VerifyRecord): VerifyReport['throughput'] {
  const rate = (amount: Metric): Metric => {
    if (!('value' in amount)) return amount;
    return bytes.read > 0 ? metric((amount.value * 1000) / durationMs) : unavailable('no chunk was read');
  };
  const whole = (amount: Metric): Metric =>
    rate(status === 'completed' ? amount : unavailable('the verify was interrupted'));
  return {
    logical: whole(metric(bytes.logical)),
    data: whole(bytes.data),
    unique: rate(metric(bytes.checked)),
    read: rate(metric(bytes.read)),
  };
}

function useRows({ record, samples }: VerifyData): readonly UseRow[] {
  const { settings, spans, usage, durationMs, startedAtMs, host, problems, bytes } = record;
  const damagedChunks = problems.filter(({ digest }) => digest !== undefined).length;
  const over = (amount: Metric, whole: number): Metric =>
    'value' in amount && whole > 0 ? metric(amount.value / whole) : amount;
  const busy = (ms: number, threads: number): Metric =>
    bytes.read > 0 ? asShare(over(metric(ms), durationMs * threads)) : unavailable('no chunk was read');
  const waited = (from: 'fetchCalledMs' | 'decodeCalledMs', to: 'requestSentMs' | 'decodeStartedMs'): Metric => {
    const sum = spans === undefined ? unavailable('no chunk times were recorded') : timeBetween({ spans }, from, to);
    return over(sum, durationMs);
  };
  const noErrors = unavailable('unsupported: the kernel counts no errors of a process');
  const windows = {
    samples:
      samples === undefined
        ? { unavailable: 'not sampled: the sampler did not run' }
        : new SampledWindows(samples, [{ start: startedAtMs, end: startedAtMs + durationMs }]),
    machineCores: machineCores(samples, host),
    memoryBytes: host.memoryBytes,
  };
  return [
    {
      resource: 'read threads',
      utilization: busy(record.readBusyMs, settings.readThreads),
      saturation: waited('fetchCalledMs', 'requestSentMs'),
      saturationUnit: 'chunks waiting for a read thread or for memory, mean',
      errors: metric(damagedChunks),
      method: 'time with a file open over the time of the threads; errors are damaged chunks',
    },
    {
      resource: 'verify threads',
      utilization: busy(record.verifyBusyMs, settings.verifyThreads),
      saturation: waited('decodeCalledMs', 'decodeStartedMs'),
      saturationUnit: 'chunks waiting for a verify thread, mean',
      errors: metric(damagedChunks),
      method: 'time at work over the time of the threads; errors are damaged chunks',
    },
    {
      resource: 'client cpu',
      utilization: asShare(over(usage.cpuMs, durationMs * host.cores)),
      saturation: over(usage.allThreadsWaitMs, durationMs),
      saturationUnit: 'threads waiting for a core, mean',
      errors: noErrors,
      method: `schedstat of all threads over the time of ${host.cores} cores`,
    },
    ...processorRows(windows),
    ...storageDeviceRows(windows),
  ];
}
