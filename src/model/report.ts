import type { ExternalRecord } from './external.ts';
import type { CacheState, RealServerSettings, TransportSettings } from './environment.ts';
import type { Metric, UseRow } from './metric.ts';
import type { ObjectiveUnit, RateName } from './objective.ts';
import type { ProfileReport } from './profile.ts';
import type {
  HostFacts,
  LinkCalibration,
  RecordedError,
  RecordedImage,
  RecordedWarning,
  RunMode,
  RunStatus,
  ServerFacts,
  TrialBytes,
  TrialStatus,
  ProofRecord,
} from './records.ts';

/** Version of report.json. */
export const reportFormatVersion = 1;

export const verdictCodes = [
  'serialised-by-latency',
  'link',
  'storage',
  'client-cpu',
  'server-cpu',
  'target',
  'emulator-bound',
  'inconclusive',
] as const;
export type VerdictCode = (typeof verdictCodes)[number];

export interface Evidence {
  /** E.g. `link utilization`. */
  readonly name: string;
  readonly measured: Metric;
  /** What the rule compares it with, e.g. `>= 0.9`. */
  readonly threshold: string;
  readonly met: boolean;
}

/** What limits one strategy in one case, by the rule that the report states. */
export interface Verdict {
  readonly code: VerdictCode;
  /** What was found, one sentence. */
  readonly sentence: string;
  /** Whose limit this is: the first strategy of the scenario. */
  readonly strategy: string;
  readonly evidence: readonly Evidence[];
  /** What to try next, one sentence. */
  readonly next: string;
  /** The rule, in words. */
  readonly rule: string;
}

/** Absent where no trial was measured. */
export interface Throughput {
  readonly medianBytesPerSecond: number;
  /** 95 % interval of the geometric mean of the same trials; absent for fewer than three. */
  readonly interval?: readonly [number, number];
}

/** Share of all chunk time (queued to written) that went into each phase; they add up to 1. */
export const phases = ['queued', 'waiting', 'receiving', 'decoding', 'held', 'writing'] as const;
export type Phase = (typeof phases)[number];

export interface TrialReport {
  readonly index: number;
  readonly block: number;
  readonly status: TrialStatus;
  readonly warmUp: boolean;
  readonly durationMs?: number;
  readonly verified?: boolean;
  /** What the restored bytes were held against; absent in older reports. */
  readonly proof?: ProofRecord['method'];
  /** Why nobody can know whether its bytes were right. */
  readonly notVerifiable?: string;
  readonly sha256?: string;
  readonly bytes?: TrialBytes;
  readonly error?: RecordedError;
  /** What the program used and said, where one was run. */
  readonly external?: Pick<ExternalRecord, 'command' | 'usage' | 'figures' | 'leftBehind' | 'exitCode'>;
}

export interface StrategyReport {
  readonly name: string;
  readonly label: string;
  readonly knobs: Readonly<Record<string, number | boolean>>;
  readonly throughput: Partial<Readonly<Record<RateName, Throughput>>>;
  readonly cpuSecondsPerGb: { readonly client: Metric; readonly server: Metric; readonly proof: Metric };
  readonly chunkLatencyMs: { readonly p50: Metric; readonly p95: Metric; readonly p99: Metric; readonly max: Metric };
  readonly phaseShares: Partial<Readonly<Record<Phase, number>>>;
  /** How far writes were from index order, in chunks. */
  readonly writeDisplacement: { readonly mean: Metric; readonly max: Metric };
  /** Time that decoded chunks waited for their turn to be written. */
  readonly headOfLineWaitMs: { readonly p50: Metric; readonly p95: Metric; readonly max: Metric };
  readonly peakBufferedBytes: Metric;
  /** Little's law: throughput x latency, beside the mean number in flight that was measured. */
  readonly littlesLaw: { readonly predictedInFlight: Metric; readonly measuredInFlight: Metric };
  /** Those of the plan that were never run have the status `not-run`. */
  readonly trials: readonly TrialReport[];
}

export const comparisonVerdicts = ['faster', 'slower', 'not-distinguishable', 'inconclusive'] as const;
export type ComparisonVerdict = (typeof comparisonVerdicts)[number];

/** Two strategies of one case, by data rate, paired by block. */
export interface Comparison {
  readonly of: string;
  readonly to: string;
  /** Absent without a block in which both were measured. */
  readonly ratio?: number;
  /** 95 %; absent for fewer than three pairs. */
  readonly interval?: readonly [number, number];
  readonly pairs: number;
  readonly verdict: ComparisonVerdict;
}

export interface CaseReport {
  readonly parameters: Readonly<Record<string, number | string>>;
  readonly image?: RecordedImage;
  readonly link: { readonly asked: Readonly<Record<string, number>>; readonly achieved?: LinkCalibration };
  /** Of a run in mode `real`. */
  readonly server?: ServerFacts & Pick<RealServerSettings, 'maxInFlight' | 'maxRateBytesPerSecond'>;
  /** Of the chunk files, if there are any; absent for runs whose records are older than it. */
  readonly pageCache?: {
    readonly asked: CacheState;
    /** 0..1, mean of the measured trials: what the server read from disk over the chunks' bytes, each counted once. */
    readonly fromDiskShare: Metric;
  };
  /** Absent for runs whose records are older than it. */
  readonly transport?: {
    readonly asked: TransportSettings;
    /** What TLS agreed on, `TLSv1.3 TLS_AES_256_GCM_SHA384`, of all trials that connected. */
    readonly negotiated: readonly string[];
  };
  readonly verdict: Verdict;
  readonly strategies: readonly StrategyReport[];
  readonly comparisons: readonly Comparison[];
  readonly use: readonly UseRow[];
}

export interface ObjectiveReport {
  readonly text: string;
  readonly passed: boolean;
  /**
   * In the case where it is worst: what stands beside the number in the objective. The ratio of the two metrics
   * (`a >= 2.5 * b`: a / b), or the metric itself in the unit of the quantity; absent if it could not be measured.
   */
  readonly measured?: number;
  readonly unit?: 'ratio' | ObjectiveUnit;
  readonly reason?: string;
}

/** `report.json`: the stable machine interface. */
export interface Report {
  readonly formatVersion: number;
  readonly tool: { readonly name: string; readonly version: string; readonly node: string };
  readonly mode: RunMode;
  readonly scenario: {
    readonly name: string;
    readonly sha256: string;
    readonly file: string;
    readonly description?: string;
  };
  readonly host: HostFacts;
  readonly startedAt: string;
  readonly status: RunStatus;
  /** That of the first case. */
  readonly verdict: Verdict;
  readonly cases: readonly CaseReport[];
  /** That of the first case. */
  readonly use: readonly UseRow[];
  readonly objectives: readonly ObjectiveReport[];
  readonly warnings: readonly RecordedWarning[];
  /** How intervals were made, and what the clock was. */
  readonly methods: readonly string[];
  readonly emulatorCeilingBytesPerSecond: Metric;
  /** Of a run by `restorelab profile`: none of its speeds is comparable with those of other runs. */
  readonly profile?: ProfileReport;
}
