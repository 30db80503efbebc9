import { metric, unavailable } from '../../src/model/metric.ts';
import { spanColumns, type SpanColumn } from '../../src/model/records.ts';
import { verifyFormatVersion, type VerifyRecord } from '../../src/model/verify.ts';

const MiB = 1024 * 1024;
const none = unavailable('not measured');

export interface PlantedVerify {
  readonly readThreads?: number;
  readonly verifyThreads?: number;
  readonly chunks?: number;
  /** Of each chunk, milliseconds: from asking until the first byte, until the last, and what the check takes. */
  readonly waitingMs?: number;
  readonly receivingMs?: number;
  readonly checkingMs?: number;
  readonly cpuMs?: number;
  readonly status?: VerifyRecord['status'];
}

/** A verify whose read threads read one chunk after the other; what they read is checked at once. */
export function verifyOf(planted: PlantedVerify): VerifyRecord {
  const { readThreads = 1, verifyThreads = 4, chunks = 100, waitingMs = 10, receivingMs = 5, checkingMs = 3 } = planted;
  const columns = Object.fromEntries(spanColumns.map((name) => [name, []])) as unknown as Record<SpanColumn, number[]>;
  const readMs = waitingMs + receivingMs;
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    const startMs = Math.floor(chunk / readThreads) * readMs;
    const ends = {
      firstByteMs: startMs + waitingMs,
      lastByteMs: startMs + readMs,
      decodedMs: startMs + readMs + checkingMs,
    };
    columns.slot.push(chunk);
    columns.connection.push(chunk % readThreads);
    columns.worker.push(1);
    columns.encodedBytes.push(MiB);
    for (const name of ['fetchCalledMs', 'requestSentMs'] as const) columns[name].push(startMs);
    columns.firstByteMs.push(ends.firstByteMs);
    for (const name of ['lastByteMs', 'decodeCalledMs', 'decodeStartedMs'] as const)
      columns[name].push(ends.lastByteMs);
    for (const name of ['decodedMs', 'writeCalledMs', 'writeStartedMs', 'writtenMs'] as const)
      columns[name].push(ends.decodedMs);
  }
  const durationMs =
    Math.max(Math.ceil(chunks / readThreads) * readMs, (chunks * checkingMs) / verifyThreads) + checkingMs;
  return {
    formatVersion: verifyFormatVersion,
    tool: { name: 'restorelab', version: '0', node: 'v24' },
    host: { platform: 'linux', arch: 'x64', cores: 4, memoryBytes: 8 * 1024 * MiB },
    startedAt: '2026-01-01T00:00:00.000Z',
    settings: { datastore: '/tank', readThreads, verifyThreads, order: 'inode' },
    status: planted.status ?? 'completed',
    snapshotCount: 1,
    archiveCount: 1,
    slotCount: 2 * chunks,
    chunkCount: chunks,
    checkedCount: chunks,
    withoutKeyCount: 0,
    bytes: {
      logical: 8 * MiB * chunks,
      data: metric(6 * MiB * chunks),
      unique: 4 * MiB * chunks,
      checked: 4 * MiB * chunks,
      read: MiB * chunks,
    },
    problems: [],
    warnings: [],
    startedAtMs: 0,
    durationMs,
    readBusyMs: chunks * readMs,
    verifyBusyMs: chunks * checkingMs,
    usage: {
      cpuMs: planted.cpuMs === undefined ? none : metric(planted.cpuMs),
      mainThreadRunMs: none,
      mainThreadWaitMs: none,
      allThreadsRunMs: none,
      allThreadsWaitMs: none,
      residentBytes: none,
    },
    spans: columns,
  };
}
