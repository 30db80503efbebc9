import type { PrimitiveName } from './primitive-names.ts';
import type { PeerAddress } from './primitive.ts';
import type { MeasuredRatio } from './shared-material.ts';

/** One round, as the profile keeps it. */
export interface RoundSample {
  /** From the start of the first thread's first call to the end of the last thread's last one. */
  readonly durationMs: number;
  /** Bytes or operations, of all threads. */
  readonly units: number;
  /** User and system time of the whole measuring process, all its threads, in that time. */
  readonly cpuMs: number;
}

export interface WorkplaceSettings {
  readonly threads: number;
  readonly folder: string;
  /** Chunks of these are made. */
  readonly ratios: readonly MeasuredRatio[];
  readonly peer?: PeerAddress;
}

export interface RoundSettings {
  readonly name: PrimitiveName;
  /** How many of the threads work. */
  readonly threads: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** Calls that the measuring process answers. */
export interface MeasuringCalls {
  /** Makes the material and starts the threads. */
  open(settings: WorkplaceSettings): Promise<void>;
  round(settings: RoundSettings): Promise<RoundSample>;
}
