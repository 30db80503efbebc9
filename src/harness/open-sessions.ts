import { metricValue, type Metric } from '../model/metric.ts';
import type { ChunkSource } from '../model/ports.ts';
import type { ReaderSession } from '../pbs/client/reader-session.ts';
import type { DownloadedIndex } from '../pbs/client/snapshot-files.ts';
import type { ConnectOptions, Lab } from './lab.ts';
import type { PreparedImage } from './prepare-image.ts';

/** The sessions of one restore, and the archive that each of them has opened. Disposing it ends them all. */
export interface Sessions extends DownloadedIndex, AsyncDisposable {
  /** What the first of them negotiated; the others ask for the same. */
  readonly tls: ReaderSession['tls'];
  /** In the order of their connection numbers. */
  readonly sources: readonly ChunkSource[];
  /** Of all sessions, since they were opened, what TLS adds not counted. */
  readonly receivedBytes: () => number;
  /** The largest of any session. */
  peakWindowUtilization(): Metric;
}

export interface OpenSessionsOptions extends Pick<ConnectOptions, 'signal' | 'transport'> {
  readonly lab: Lab;
  /** At least 1. */
  readonly connections: number;
}

export interface OpenAllOptions {
  /** Name as the server has it. */
  readonly archive: string;
  /** At least 1. */
  readonly connections: number;
  readonly signal: AbortSignal;
  /** Rejects where the archive cannot be restored. */
  readonly check?: (session: ReaderSession, downloaded: DownloadedIndex) => Promise<void>;
}

/**
 * Opens so many sessions beside one another. Each downloads the index itself, since a server allows a session only the
 * chunks of indexes that this session has downloaded (spec 4.2). When one fails, the others are ended.
 */
export async function openSessions(
  { mounted, snapshot, archive, crypt }: Pick<PreparedImage, 'mounted' | 'snapshot' | 'archive' | 'crypt'>,
  { lab, connections, ...options }: OpenSessionsOptions,
): Promise<Sessions> {
  const { signal } = options;
  const keyed = crypt === undefined ? {} : { crypt };
  return await openAll(
    async (connection) => await lab.connect(mounted, { ...options, ...keyed, snapshot, connection }),
    { archive, connections, signal },
  );
}

/** As {@link openSessions}, of any server. */
export async function openAll(
  open: (connection: number) => Promise<ReaderSession>,
  { archive, connections, signal, check }: OpenAllOptions,
): Promise<Sessions> {
  await using opened = new AsyncDisposableStack();
  const opening = Array.from({ length: connections }, async (_, connection) => {
    const session = opened.use(await open(connection));
    const downloaded = await session.downloadIndex(archive, signal);
    await check?.(session, downloaded);
    return { session, downloaded };
  });
  // One that is still being opened beside one that failed must be there before all are ended.
  await Promise.allSettled(opening);
  const all = await Promise.all(opening);
  const [first] = all;
  if (first === undefined) throw new RangeError('a restore needs a session');
  const sessions = all.map(({ session }) => session);
  const resources = opened.move();
  return {
    ...first.downloaded,
    tls: first.session.tls,
    sources: sessions,
    receivedBytes: () => sessions.reduce((sum, session) => sum + session.receivedBytes, 0),
    peakWindowUtilization: () => largestOf(sessions.map((session) => session.peakWindowUtilization())),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** A session that no chunk was fetched over has none, which says nothing about the others. */
function largestOf(metrics: readonly Metric[]): Metric {
  return metrics.reduce((largest, candidate) =>
    (metricValue(candidate) ?? -1) > (metricValue(largest) ?? -1) ? candidate : largest,
  );
}
