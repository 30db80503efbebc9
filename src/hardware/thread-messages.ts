import type { PrimitiveName } from './primitive-names.ts';
import type { PeerAddress } from './primitive.ts';
import type { SharedMaterial } from './shared-material.ts';

/** What a thread of the measuring process is started with. */
export type ThreadRole =
  | { readonly kind: 'echo' }
  | {
      readonly kind: 'measure';
      readonly index: number;
      readonly threads: number;
      readonly material: SharedMaterial;
      readonly folder: string;
      readonly peer: PeerAddress | undefined;
    };

/** `prepare` runs the work until it is warm and leaves it ready, `measure` is the round itself. */
export type ThreadRequest =
  | { readonly kind: 'prepare'; readonly name: PrimitiveName; readonly warmUpMs: number }
  | { readonly kind: 'measure'; readonly name: PrimitiveName; readonly durationMs: number };

export type ThreadAnswer =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'measured';
      readonly units: number;
      /** On CLOCK_MONOTONIC, which all threads share. */
      readonly startedMs: number;
      readonly endedMs: number;
    }
  | { readonly kind: 'failed'; readonly message: string };
