import type { RestoreAddress } from '../external/restore-address.ts';
import type { TreeReading } from '../metrics/process-tree.ts';
import type { RecordedImage } from '../model/records.ts';
import type { ExpectedImage, IndexedImage } from '../target/target.ts';
import { chunkFiles } from './chunk-files.ts';
import { dropPageCache } from './drop-page-cache.ts';
import { countLab } from './lab-site.ts';
import { openSessions } from './open-sessions.ts';
import { countReal } from './real-site.ts';
import type { Counting, Findings } from './restore-once.ts';
import type { RealTrialOptions } from './run-real-trial.ts';
import type { TrialOptions } from './run-trial.ts';

/** Where a program restores from, and what of that side can be measured. */
export interface ProgramSite {
  /** Makes it ready for a trial. */
  prepareTrial?(findings: Findings): Promise<void>;
  /** Once it is ready. */
  address(): RestoreAddress;
  readonly expected: ExpectedImage | IndexedImage;
  readonly facts: RecordedImage;
  /** The image is whole but not the one that the scenario names. */
  readonly mismatch?: string;
  /** Right before the program starts. */
  startCounting(): Promise<Counting>;
  /** A count that changes while a restore goes on. */
  readActivity(seen: TreeReading | undefined): Promise<number>;
}

/** The embedded servers of the lab behind its link. */
export function labProgramSite(options: TrialOptions): ProgramSite {
  const { settings, prepared, lab, clientPid } = options;
  const { server, storage } = settings;
  const key = 'datastore' in server && server.keyFile !== undefined ? { keyFile: server.keyFile } : {};
  return {
    prepareTrial: async (findings) => {
      await lab.reviveServers();
      await lab.configure(settings);
      if (storage.cache === 'cold') findings.pageCache = await dropChunksFromCache(options);
    },
    address: () => ({ ...lab.addressOf(prepared), ...key }),
    expected: prepared.expected,
    facts: prepared.facts,
    ...(prepared.mismatch === undefined ? {} : { mismatch: prepared.mismatch }),
    startCounting: async () => await countLab(lab, clientPid),
    readActivity: async () => (await lab.relay.call('counters')).bytesToClient,
  };
}

/** A real server, with the log-in that the run itself uses. What the program fetches from it is not seen. */
export function realProgramSite({ server, prepared, lab, clock }: RealTrialOptions): ProgramSite {
  const { login, host, port, namespace } = prepared.server;
  const { snapshot, archive } = prepared.facts;
  const key = server.keyFile === undefined ? {} : { keyFile: server.keyFile };
  return {
    address: () => ({ ...login, host, port, namespace, snapshot, archive, ...key }),
    expected: prepared.expected,
    facts: prepared.facts,
    startCounting: async () => await Promise.resolve(countReal(lab)),
    // Whatever is fetched costs CPU. Where nothing can be seen, nothing can be called a stall.
    readActivity: async (seen) => await Promise.resolve(seen?.cpuMs ?? clock.now()),
  };
}

async function dropChunksFromCache({
  prepared,
  settings: { transport },
  lab,
  signal,
}: TrialOptions): Promise<NonNullable<Findings['pageCache']>> {
  await using sessions = await openSessions(prepared, { lab, connections: 1, transport, signal });
  return await dropPageCache(chunkFiles(prepared.mounted.path, sessions.index), signal);
}
