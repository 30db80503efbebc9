import { MiB } from '../model/units.ts';
import type { ReaderSession } from '../pbs/client/reader-session.ts';
import type { PhaseLimits } from './phase-limits.ts';
import { Transfer } from './transfer.ts';

/** What `/speedtest` sends (spec 4). */
export const SPEEDTEST_BYTES: number = MiB;

/** Downloads the server's test data, which it has in memory, its requests spread in turn over one connection or several. */
export async function measureTransfer(
  sessions: readonly Pick<ReaderSession, 'speedtest'>[],
  { inFlight, budgetBytes, durationMs, clock, signal, onBytes }: PhaseLimits,
): Promise<Transfer> {
  const transfer = new Transfer();
  const endMs = clock.now() + durationMs;
  let left = Math.max(inFlight, Math.floor(budgetBytes / SPEEDTEST_BYTES));
  const download = async (session: Pick<ReaderSession, 'speedtest'>): Promise<void> => {
    while (left > 0 && clock.now() < endMs) {
      left -= 1;
      await session.speedtest(signal, (bytes) => {
        transfer.add(clock.now(), bytes);
        onBytes(bytes);
      });
    }
  };
  await Promise.all(
    Array.from({ length: inFlight }, async (_, number) => {
      const session = sessions[number % sessions.length];
      if (session !== undefined) await download(session);
    }),
  );
  return transfer;
}
