import { existsSync, readlinkSync } from 'node:fs';

/** Tells whether the owner of a lease file is still there. */
export interface RunningProcesses {
  /** Of this process. */
  readonly pid: number;
  isRunning(pid: number): boolean;
  /** Above this age a lease no longer counts, whatever `isRunning` says. */
  readonly leaseLifetimeMs: number;
}

/** No run lasts that long. */
const UNKNOWN_OWNER_LIFETIME_MS = 24 * 60 * 60 * 1000;

/**
 * Reads them from /proc. Without it (macOS) every process counts as running, so that what a crashed run held stays
 * protected for a day.
 */
export function processesFromProc(): RunningProcesses {
  try {
    const pid = Number(readlinkSync('/proc/self'));
    return { pid, isRunning: (other) => existsSync(`/proc/${other}`), leaseLifetimeMs: Number.POSITIVE_INFINITY };
  } catch {
    return { pid: 0, isRunning: () => true, leaseLifetimeMs: UNKNOWN_OWNER_LIFETIME_MS };
  }
}
