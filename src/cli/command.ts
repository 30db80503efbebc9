import type { Options, PositionalOptions } from 'yargs';

import type { ExitCode } from '../model/errors.ts';
import type { Edge } from './edge.ts';

/** One command of the command line; adding one is one file and one entry in `commands`. */
export interface Command {
  /** Command line after `restorelab`, and what it does. */
  readonly examples: readonly (readonly [commandLine: string, explanation: string])[];
  readonly positionals: Readonly<Record<string, PositionalOptions>>;
  readonly options: Readonly<Record<string, Options>>;
  /** Checks `argv` itself: yargs turns a wrong number into NaN without a word. */
  run(argv: Readonly<Record<string, unknown>>, edge: Edge): Promise<ExitCode>;
}
