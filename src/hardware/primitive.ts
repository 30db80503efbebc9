import type { MeasuredRatio, SharedMaterial } from './shared-material.ts';

export const primitiveUnits = ['bytes', 'operations'] as const;
export type PrimitiveUnit = (typeof primitiveUnits)[number];

/** What a measuring thread gives the work that it runs. */
export interface Workplace {
  /** From 0 up to `threads`. */
  readonly index: number;
  /** Threads there are in all, whether they work in this round or not. */
  readonly threads: number;
  readonly material: SharedMaterial;
  /** Where files are written; absolute. */
  readonly folder: string;
  /** The other ends of TLS connections: one port for each thread. */
  readonly peer: PeerAddress | undefined;
  /** Starts a thread that sends every message back. */
  readonly startEcho: () => EchoThread;
}

export interface PeerAddress {
  readonly ports: readonly number[];
  readonly fingerprint: string;
}

export interface EchoThread {
  /** Resolves when the message has come back. */
  roundTrip(): Promise<void>;
  end(): Promise<void>;
}

/** A primitive made ready in one thread. */
export interface ReadyPrimitive {
  /** The work of one call, as {@link Primitive.unitsPerCall} counts it. */
  readonly run: () => void | Promise<void>;
  readonly isAsync: boolean;
  readonly maxCalls?: number;
  /** Before and after the calls of a round: what goes on by itself only does so in between. */
  readonly begin?: () => void | Promise<void>;
  readonly end?: () => void | Promise<void>;
  readonly close?: () => void | Promise<void>;
}

/** One of the things that a restore is made of. */
export interface Primitive {
  /** A few words for the table. */
  readonly what: string;
  readonly unit: PrimitiveUnit;
  readonly unitsPerCall: number;
  /** Reference value of `proxmox-backup-client benchmark` for it, bytes per second. */
  readonly pbsBytesPerSecond?: number;
  /** Works on chunks of this compression ratio. */
  readonly ratio?: MeasuredRatio;
  /** Needs the process at the other end of TLS. */
  readonly needsPeer?: true;
  readonly open: (place: Workplace) => ReadyPrimitive | Promise<ReadyPrimitive>;
}
