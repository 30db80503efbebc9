import type { Clock } from '../model/ports.ts';

/** How far one of the measurements of a capture may go. */
export interface PhaseLimits {
  /** Requests at a time. */
  readonly inFlight: number;
  readonly budgetBytes: number;
  /** No new request starts after this time. */
  readonly durationMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
}
