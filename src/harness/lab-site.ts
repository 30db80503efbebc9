import { combineUsages, readProcessUsage, usageBetween, type UsageSnapshot } from '../metrics/process-usage.ts';
import { readBetween, readFromStorage } from '../metrics/storage-reads.ts';
import type { CaseSettings } from '../model/environment.ts';
import type { TrialCounters } from '../model/records.ts';
import { chunkFiles } from './chunk-files.ts';
import { dropPageCache } from './drop-page-cache.ts';
import type { Lab } from './lab.ts';
import { openSessions } from './open-sessions.ts';
import type { PreparedImage } from './prepare-image.ts';
import type { Counting, RestoreSite } from './restore-once.ts';

export interface LabSiteOptions {
  readonly lab: Lab;
  readonly settings: CaseSettings;
  readonly prepared: PreparedImage;
  /** The process of the client. */
  readonly clientPid: number;
}

/** The embedded servers of the lab behind its link, all of which can be counted. */
export function labSite({ lab, settings, prepared, clientPid }: LabSiteOptions): RestoreSite {
  const { transport, storage } = settings;
  return {
    serverTransport: transport.server,
    openSessions: async (connections, signal) => {
      await lab.reviveServers();
      await lab.configure(settings);
      return await openSessions(prepared, { lab, connections, transport, signal });
    },
    image: (index) => index,
    decoderPool: (threads, crypt) => lab.decoderPool(threads, crypt),
    lendMemory: (chunks, decoder) => lab.lendMemory(chunks, decoder),
    prepareTrial: async (image, signal, findings) => {
      if (storage.cache === 'cold')
        findings.pageCache = await dropPageCache(chunkFiles(prepared.mounted.path, image), signal);
    },
    startCounting: async () => await countLab(lab, clientPid),
    wireBytes: ({ link }) => ('unavailable' in link ? 0 : link.bytesToClient),
    expected: () => prepared.expected,
    ...(prepared.mismatch === undefined ? {} : { mismatch: prepared.mismatch }),
  };
}

/** Resets the counters of the lab and reads them again at the end. */
export async function countLab(lab: Lab, clientPid: number): Promise<Counting> {
  const servers = lab.servers.inUse.map(({ pid }) => pid);
  const pids = { client: clientPid, servers, relay: lab.relay.pid, sampler: lab.sampler.pid };
  await Promise.all([lab.relay.call('resetCounters'), lab.servers.resetCounters()]);
  const before = readAll(pids);
  const fromStorageBefore = servers.map((pid) => readFromStorage(pid));
  return {
    stop: async () => {
      const usage = usages(before, readAll(pids));
      const bytesFromDisk = readBetween(
        fromStorageBefore,
        servers.map((pid) => readFromStorage(pid)),
      );
      const [link, storage] = await Promise.all([
        lab.relay.call('counters'),
        lab.servers
          .counters()
          .catch((): { unavailable: string } => ({ unavailable: 'the server died during the trial' })),
      ]);
      return { ...usage, link, storage: 'unavailable' in storage ? storage : { ...storage, bytesFromDisk } };
    },
  };
}

interface RunProcesses<Value> {
  readonly client: Value;
  readonly servers: readonly Value[];
  readonly relay: Value;
  readonly sampler: Value;
}

const readAll = (pids: RunProcesses<number>): RunProcesses<UsageSnapshot> => ({
  client: readProcessUsage(pids.client),
  servers: pids.servers.map((pid) => readProcessUsage(pid)),
  relay: readProcessUsage(pids.relay),
  // What it starts (`ss`) is its cost too; the client's children are the other processes of the run.
  sampler: readProcessUsage(pids.sampler, { includeChildren: true }),
});

const usages = (
  before: RunProcesses<UsageSnapshot>,
  after: RunProcesses<UsageSnapshot>,
): Pick<TrialCounters, 'client' | 'server' | 'relay' | 'sampler'> => ({
  client: usageBetween(before.client, after.client),
  server: combineUsages(
    before.servers.map((start, index) =>
      usageBetween(start, after.servers[index] ?? { unavailable: 'not running: the process has ended' }),
    ),
  ),
  relay: usageBetween(before.relay, after.relay),
  sampler: usageBetween(before.sampler, after.sampler),
});
