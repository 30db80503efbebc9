import { readProcessUsage, usageBetween } from '../metrics/process-usage.ts';
import type { CaseSettings, RealServerSettings } from '../model/environment.ts';
import { unavailable } from '../model/metric.ts';
import type { ProcessUsage } from '../model/records.ts';
import { openAll } from './open-sessions.ts';
import { DigestProof } from './ports/digest-proof.ts';
import { limitSources } from './ports/limited-sources.ts';
import { sampledOf, whileRead, type PreparedRealImage } from './prepare-real-image.ts';
import type { RealLab } from './real-lab.ts';
import type { Counting, RestoreSite } from './restore-once.ts';

const ELSEWHERE = 'not measured: the server is another machine';
const NO_LINK = 'not measured: no link is emulated';

export interface RealSiteOptions {
  readonly lab: RealLab;
  readonly settings: CaseSettings;
  readonly server: RealServerSettings;
  readonly prepared: PreparedRealImage;
}

/** A real server, of which nothing can be counted but what arrives here. */
export function realSite({ lab, settings: { transport }, server, prepared }: RealSiteOptions): RestoreSite {
  const { snapshot, maxInFlight, maxRateBytesPerSecond } = server;
  const { memory } = lab.parts;
  const isKnown = 'slotChecksums' in prepared.expected;
  let receivedBefore = 0;
  return {
    serverTransport: `Proxmox Backup Server ${prepared.serverFacts.version}`,
    openSessions: async (connections, signal) =>
      await openAll(
        async (connection) =>
          await whileRead(prepared.server.connect({ snapshot, signal, memory, transport, connection }), server),
        { archive: prepared.facts.archive, connections, signal },
      ),
    image: (index) => sampledOf(index, server),
    limitSources: (sources, clock) =>
      limitSources(
        sources,
        { maxInFlight, ...(maxRateBytesPerSecond === undefined ? {} : { maxRateBytesPerSecond }) },
        clock,
      ),
    decoderPool: (threads, crypt) => lab.parts.decoderPool(threads, crypt),
    lendMemory: (chunks, decoder) => lab.parts.lendMemory(chunks, decoder),
    startCounting: async (sessions) => {
      receivedBefore = sessions.receivedBytes();
      return await Promise.resolve(countReal(lab));
    },
    wireBytes: (_counters, sessions) => sessions.receivedBytes() - receivedBefore,
    expected: () => prepared.expected,
    ...(isKnown ? {} : { proof: new DigestProof() }),
  };
}

/** What of a trial can be counted beside the client's own parts: nothing that is on the server. */
export function countReal({ clientPid, sampler }: RealLab): Counting {
  const read = (): readonly [
    client: ReturnType<typeof readProcessUsage>,
    sampler: ReturnType<typeof readProcessUsage>,
  ] => [readProcessUsage(clientPid), readProcessUsage(sampler.pid, { includeChildren: true })];
  const [clientBefore, samplerBefore] = read();
  return {
    stop: async () => {
      const [clientAfter, samplerAfter] = read();
      return await Promise.resolve({
        client: usageBetween(clientBefore, clientAfter),
        server: unknownUsage(ELSEWHERE),
        relay: unknownUsage(NO_LINK),
        sampler: usageBetween(samplerBefore, samplerAfter),
        link: { unavailable: NO_LINK },
        storage: { unavailable: ELSEWHERE },
      });
    },
  };
}

function unknownUsage(reason: string): ProcessUsage {
  const unknown = unavailable(reason);
  return {
    cpuMs: unknown,
    mainThreadRunMs: unknown,
    mainThreadWaitMs: unknown,
    allThreadsRunMs: unknown,
    allThreadsWaitMs: unknown,
    residentBytes: unknown,
  };
}
