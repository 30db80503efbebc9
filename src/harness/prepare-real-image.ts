import { KnownError, ServerError } from '../model/errors.ts';
import type { CaseSettings, RealServerSettings } from '../model/environment.ts';
import { slotPlaces, type Image } from '../model/image.ts';
import type { RecordedImage, ServerFacts } from '../model/records.ts';
import type { ReaderSession } from '../pbs/client/reader-session.ts';
import { requireKey } from '../pbs/client/snapshot-files.ts';
import type { CryptConfig } from '../pbs/format/crypt-config.ts';
import { chunkDigest } from '../pbs/format/digest.ts';
import type { ExpectedImage, IndexedImage } from '../target/target.ts';
import { sampleImage } from './image-sample.ts';
import { indexFacts } from './index-facts.ts';
import { learnImage } from './learn-image.ts';
import { networkRoute } from './network-route.ts';
import type { RealLab } from './real-lab.ts';
import type { OpenRealServer, RealServer } from './real-server.ts';

/** An image of a real server, and what restored bytes are held against. */
export interface PreparedRealImage {
  readonly server: RealServer;
  readonly serverFacts: ServerFacts;
  readonly facts: RecordedImage;
  readonly expected: ExpectedImage | IndexedImage;
  readonly warnings: readonly string[];
}

export interface PrepareRealOptions {
  readonly lab: RealLab;
  readonly open: OpenRealServer;
  readonly signal: AbortSignal;
  readonly onProgress: (what: string, doneBytes: number, totalBytes: number) => void;
}

/**
 * Opens the server and looks at the index of the image; reads the image only where the scenario wants a reference.
 * @throws UsageError for what is not there or not given; ServerError; IntegrityError where the index is damaged
 */
export async function prepareRealImage(
  { transport }: Pick<CaseSettings, 'transport'>,
  settings: RealServerSettings,
  { lab, open, signal, onProgress }: PrepareRealOptions,
): Promise<PreparedRealImage> {
  const { snapshot, archive, sampleBytes, sampling = 'spread', proof } = settings;
  const server = await open(settings, signal);
  const { host, port, repository, namespace, version } = server;
  await using session = await server.connect({ snapshot, signal, memory: lab.parts.memory, transport, connection: 0 });
  const { index, warnings, file, ...keyed } = await session.downloadIndex(archive, signal);
  const { crypt } = keyed;
  requireKey(file, await session.downloadManifest(signal), crypt);
  const image = sampledOf(index, settings);
  const learned = proof === 'reference' ? await learnImage(image, session, { crypt, signal, onProgress }) : undefined;
  return {
    server,
    serverFacts: { repository, namespace, version, route: await networkRoute(host, port) },
    facts: {
      ...(learned?.facts ?? indexFacts(image)),
      ...(sampleBytes === undefined || image === index ? {} : { sampleOf: { sizeBytes: index.size, sampling } }),
      snapshot,
      archive: file.filename,
    },
    expected: learned?.expected ?? {
      ...slotPlaces(image),
      matches: digestMatcher(image, crypt),
    },
    warnings,
  };
}

/** What of the image is restored. */
export function sampledOf(image: Image, { sampleBytes, sampling = 'spread' }: RealServerSettings): Image {
  return sampleBytes === undefined ? image : sampleImage(image, sampleBytes, sampling);
}

/** That the snapshot or an index of it is gone while a run reads it says more than that it is not there. */
export async function whileRead(
  opening: Promise<ReaderSession>,
  { snapshot }: Pick<RealServerSettings, 'snapshot'>,
): Promise<ReaderSession> {
  try {
    return await opening;
  } catch (error) {
    if (!(error instanceof KnownError) || error.code !== 'snapshot-not-found') throw error;
    throw new ServerError(`${snapshot} was removed from the server while it was being read`, {
      code: 'snapshot-removed',
      hint: 'protect the snapshot for as long as it is measured, or measure a newer one',
      cause: error,
    });
  }
}

function digestMatcher(image: Image, crypt: CryptConfig | undefined): (slot: number, bytes: Uint8Array) => boolean {
  const digests = Array.from(image.slots(), ({ digest }) => digest);
  return (slot, bytes) => chunkDigest(bytes, crypt) === digests[slot];
}
