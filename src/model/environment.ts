import type { ExternalSettings } from './external.ts';
import type { StrategyKnobs } from './ports.ts';
import type { TlsCipher, TransportName } from './transport.ts';

/** The emulated link. Base units; a missing rate means that nothing limits it. */
export interface LinkSettings {
  /** Added round trip, half of it in each direction. */
  readonly roundTripMs: number;
  /** Each direction's delay varies uniformly by up to this much either way, never reordering. */
  readonly jitterMs: number;
  /** Per direction, shared by all connections; bytes per second of TCP payload. */
  readonly rateBytesPerSecond?: number;
  /** Per connection and direction. */
  readonly connectionRateBytesPerSecond?: number;
}

/** Whether chunk files come from the page cache, as a rule, or are dropped from it before every trial. */
export const cacheStates = ['warm', 'cold'] as const;
export type CacheState = (typeof cacheStates)[number];

/** The emulated datastore disk. */
export interface StorageSettings {
  /** From the start of a read until its first byte. */
  readonly readLatencyMs: number;
  /** Shared by all reads. */
  readonly bandwidthBytesPerSecond?: number;
  /** Reads that are served at the same time; the others wait. */
  readonly queueDepth: number;
  /** Of the real files below; warm where absent. */
  readonly cache?: CacheState;
}

/** HTTP/2 and TLS between client and server: windows and frames as the client announces them (RFC 9113, 6.5.2). */
export interface TransportSettings {
  /** The client's implementation. */
  readonly name: TransportName;
  /** The embedded server's. */
  readonly server: TransportName;
  /** Receive window of each stream. */
  readonly streamWindowBytes: number;
  /** Receive window of each connection. */
  readonly connectionWindowBytes: number;
  /** 0..1: the share of a window that must have been received before it is given back; the transport's own if absent. */
  readonly updateThreshold?: number;
  /** Largest payload of a frame that the client takes. */
  readonly maxFrameBytes: number;
  /** The only TLS 1.3 suite that the client offers; OpenSSL's own choice if absent. */
  readonly tlsCipher?: TlsCipher;
}

/** A synthetic image; all shares are of the image's chunks. */
export interface ImageSettings {
  readonly sizeBytes: number;
  /** 0..1: full chunks of zeros. */
  readonly zeroShare: number;
  /** 0..1: non-zero chunks whose content stands earlier in the image. */
  readonly repeatedShare: number;
  /** Plain bytes per compressed byte that zstd level 1 reaches on the non-zero chunks; 1 is incompressible. */
  readonly compressionRatio: number;
  readonly seed: string;
}

export interface HistorySettings {
  /** Backups in the group, the first full one included; the newest is restored. */
  readonly depth: number;
  /** 0..1: share of the chunks that each backup after the first changes. */
  readonly changeRate: number;
}

/** The target of a restore. */
export type TargetSettings =
  | { readonly kind: 'discard' }
  /** `path` is absolute; the file must not exist yet and is removed after its hash was taken. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'throttled'; readonly rateBytesPerSecond: number };

/**
 * Of a synthetic image: chunk files in a datastore, or a few chunks that the server makes in its memory and that repeat
 * throughout the image, which can then be of any size.
 */
export const chunkOrigins = ['files', 'synthesised'] as const;
export type ChunkOrigin = (typeof chunkOrigins)[number];

/** Where a part of an image is taken from: evenly all over it, or in one piece. */
export const samplings = ['spread', 'contiguous'] as const;
export type Sampling = (typeof samplings)[number];

/** What bytes of an image that nobody generated are held against. */
export const proofOrigins = ['digests', 'reference'] as const;
export type ProofOrigin = (typeof proofOrigins)[number];

/** Where chunks come from: a synthetic image, a datastore that is there already, or a real server. */
export type ServerSettings = SyntheticServer | ReadyServer | RealServerSettings;

export type SyntheticServer = EmbeddedServer & { readonly chunks: ChunkOrigin };

export type ReadyServer = EmbeddedServer & {
  /** Absolute path. */
  readonly datastore: string;
  /** `vm/100/2026-02-16T16:30:44Z` */
  readonly snapshot: string;
  /** `drive-scsi0.img.fidx`; a missing suffix is added. */
  readonly archive: string;
  /** Absolute path of the encryption key; the key itself is in no record. */
  readonly keyFile?: string;
  /** Of the whole image, 64 hex digits. */
  readonly sha256?: string;
};

/** A Proxmox Backup Server that is only read, and of which nothing can be set or measured but what arrives here. */
export interface RealServerSettings {
  readonly kind: 'pbs';
  /** `bench@pbs@10.0.0.5:tank`; that of the environment where absent. Holds no secret. */
  readonly repository?: string;
  /** `a/b`; that of the environment where absent. */
  readonly namespace?: string;
  readonly snapshot: string;
  readonly archive: string;
  /** Absolute path of the key of an encrypted image. */
  readonly keyFile?: string;
  /** So much of the image, zeros included; all of it where absent. */
  readonly sampleBytes?: number;
  readonly sampling?: Sampling;
  /** Requests at a time over all connections. */
  readonly maxInFlight: number;
  readonly maxRateBytesPerSecond?: number;
  readonly proof: ProofOrigin;
  readonly processes?: undefined;
}

interface EmbeddedServer {
  readonly kind: 'embedded';
  /** Processes that connections are spread over in turn, each with a disk of its own; 1 where absent. */
  readonly processes?: number;
}

interface NamedStrategy {
  readonly name: string;
  /** Unique in its scenario; the name unless the scenario gives another. */
  readonly label: string;
}

/** A strategy of this program. */
export interface BuiltInStrategySettings extends NamedStrategy {
  readonly knobs: StrategyKnobs;
  readonly external?: undefined;
}

/** A program that is run as a black box; knobs of ours it has none. */
export interface ExternalStrategySettings extends NamedStrategy {
  readonly knobs: Readonly<Partial<Record<keyof StrategyKnobs, undefined>>>;
  readonly external: ExternalSettings;
}

export type StrategySettings = BuiltInStrategySettings | ExternalStrategySettings;

/** Interleaved: blocks of every case and strategy once, shuffled. Grouped: all repeats of one strategy together. */
export const trialOrders = ['interleaved', 'grouped'] as const;
export type TrialOrder = (typeof trialOrders)[number];

export interface TrialSettings {
  /** Measured trials of each strategy in each case. */
  readonly repeats: number;
  /** Trials before them that are run and recorded but do not count. */
  readonly warmUp: number;
  readonly order: TrialOrder;
  /** No new block starts once this much time has gone into trials; the first measured block always runs. */
  readonly timeBudgetMs?: number;
  /** Whether spans are recorded and the sampler runs. */
  readonly recording: boolean;
  /** A trial in which no chunk arrives for so long has failed. */
  readonly stallTimeoutMs: number;
}

/** One cell of the scenario's matrix. */
export interface CaseSettings {
  readonly index: number;
  /** The matrix values of this case in base units: `link.roundTripMs: 10`. Empty without a matrix. */
  readonly parameters: Readonly<Record<string, number | string>>;
  readonly server: ServerSettings;
  readonly link: LinkSettings;
  readonly transport: TransportSettings;
  readonly storage: StorageSettings;
  readonly image: ImageSettings;
  readonly history: HistorySettings;
  readonly target: TargetSettings;
  readonly strategies: readonly StrategySettings[];
}
