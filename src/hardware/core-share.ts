import { median } from '../stats/quantile.ts';
import type { PrimitiveName } from './primitive-names.ts';
import type { HardwareProfile } from './profile.ts';

/** Work that waits for nothing: it has a core for all of its time, unless others want it too. */
const computing: readonly PrimitiveName[] = ['sha-256', 'crc-32', 'zstd-decompress-2', 'aes-256-gcm', 'chunk-verify'];

/** Below this, rates say more about the other load than about the machine. */
export const BUSY_CORE_SHARE = 0.85;

/**
 * Share of its time for which one thread that only computes had a core (0..1, median of all such rounds); undefined where
 * none was measured. Well below 1 means that other things ran: CPU time can still be compared, rates cannot.
 */
export function coreShare({ measurements }: HardwareProfile): number | undefined {
  const shares = measurements
    .filter(({ name, threads }) => threads === 1 && computing.some((known) => known === name))
    .flatMap((one) => ('samples' in one ? one.samples.map(({ cpuMs, durationMs }) => cpuMs / durationMs) : []));
  const share = median(shares);
  return share === undefined ? undefined : Math.min(1, share);
}
