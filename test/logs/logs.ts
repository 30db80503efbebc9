import { LogReader } from '../../src/logs/log-reader.ts';
import type { LoggedOperation, LoggedRate, ParsedLog } from '../../src/logs/logged-operation.ts';

/** Reads a log that arrives in pieces. */
export function parseLog(...pieces: readonly (string | Uint8Array)[]): ParsedLog {
  const reader = new LogReader();
  for (const piece of pieces) reader.push(typeof piece === 'string' ? Buffer.from(piece) : piece);
  return reader.end();
}

/** The one operation of a log. */
export function onlyOperation(...pieces: readonly (string | Uint8Array)[]): LoggedOperation {
  const { operations } = parseLog(...pieces);
  const [operation, ...others] = operations;
  if (operation === undefined || others.length > 0) throw new Error(`${operations.length} operations were read`);
  return operation;
}

export function knownRate(rate: LoggedRate): Exclude<LoggedRate, { unavailable: string }> {
  if ('unavailable' in rate) throw new Error(`unknown: ${rate.unavailable}`);
  return rate;
}
