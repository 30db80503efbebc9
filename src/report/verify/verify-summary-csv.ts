import type { VerifyAnalysis } from '../../analysis/summarise-verify.ts';
import { csvText } from '../csv-text.ts';
import { namedPhases } from '../phase-names.ts';
import { verifyPhaseNames } from './verify-tables.ts';

/** summary.csv of a verify: one row, base units in the column names; a cell that is not known says `unknown: reason`. */
export function renderVerifySummaryCsv({ report }: VerifyAnalysis): string {
  const { settings, bytes, throughput, chunkLatencyMs, phaseShares } = report;
  const phaseCells = namedPhases(verifyPhaseNames).map(
    ([phase]) => [`phaseShare.${phase}`, phaseShares[phase] ?? 'unknown: no chunk times'] as const,
  );
  return csvText(
    [
      {
        datastore: settings.datastore,
        namespace: settings.namespace,
        snapshot: settings.snapshot,
        startedAt: report.startedAt,
        status: report.status,
        order: settings.order,
        readThreads: settings.readThreads,
        verifyThreads: settings.verifyThreads,
        problems: report.problems.length,
        snapshots: report.snapshotCount,
        archives: report.archiveCount,
        chunkSlots: report.slotCount,
        chunks: report.chunkCount,
        chunksChecked: report.checkedCount,
        chunksWithoutKey: report.withoutKeyCount,
        logicalBytes: bytes.logical,
        dataBytes: bytes.data,
        uniqueBytes: bytes.unique,
        checkedBytes: bytes.checked,
        readBytes: bytes.read,
        durationMs: report.durationMs,
        uniqueBytesPerSecond: throughput.unique,
        readBytesPerSecond: throughput.read,
        dataBytesPerSecond: throughput.data,
        logicalBytesPerSecond: throughput.logical,
        cpuSecondsPerGb: report.cpuSecondsPerGb,
        chunkLatencyP50Ms: chunkLatencyMs.p50,
        chunkLatencyP95Ms: chunkLatencyMs.p95,
        chunkLatencyP99Ms: chunkLatencyMs.p99,
        chunkLatencyMaxMs: chunkLatencyMs.max,
        ...Object.fromEntries(phaseCells),
        verdict: report.verdict.code,
      },
    ],
    [],
  );
}
