import { asMachineError, exitCodes, KnownError, type ExitCode } from '../model/errors.ts';
import type { Edge } from './edge.ts';

/**
 * Prints an error as its reader needs it: a known one as a clean line with its hint, any other with its stack. What the
 * system refuses of a file or folder is this machine's, also where nobody foresaw it.
 */
export function printError(thrown: unknown, { stderr }: Pick<Edge, 'stderr'>): ExitCode {
  const error = thrown instanceof KnownError ? thrown : asMachineError(thrown, 'the system refused');
  if (error instanceof KnownError) {
    stderr.write(`restorelab: ${error.message}\n`);
    if (error.hint !== undefined) stderr.write(`hint: ${error.hint}\n`);
    return error.exitCode;
  }
  const missing = missingPackage(error);
  if (missing !== undefined) {
    stderr.write(`restorelab: its package ${missing} is not installed\n`);
    stderr.write('hint: run `npm ci` in a checkout, or install restorelab again\n');
    return exitCodes.machine;
  }
  stderr.write(
    `restorelab: internal error\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  stderr.write('hint: this is a mistake in restorelab; please report it with the text above\n');
  return exitCodes.internal;
}

/** Packages are loaded when they are needed first, so an installation that was broken off may be noticed late. */
function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_MODULE_NOT_FOUND') return undefined;
  return /^Cannot find package '([^']+)'/u.exec(error.message)?.[1];
}
