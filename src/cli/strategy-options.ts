import type { Options } from 'yargs';

import type { BuiltInStrategySettings } from '../model/environment.ts';
import { UsageError } from '../model/errors.ts';
import { builtInStrategyNames, strategySchema } from '../scenario/strategy-schema.ts';

/** The knobs of a scenario's strategy as options: their names there, and what a user has to write. */
const knobOptions = {
  'in-flight': {
    knob: 'inFlight',
    type: 'number',
    describe: 'Chunks held at once, from the request to the write; at most 16 unless given',
  },
  'decode-threads': { knob: 'decodeThreads', type: 'number', describe: 'Threads that decode; 0 is the main thread' },
  writers: { knob: 'writers', type: 'number', describe: 'Writes at a time; 1 unless given' },
  buffer: {
    knob: 'bufferBytes',
    type: 'string',
    describe: 'Bound on encoded plus decoded bytes held, e.g. "128 MiB"; 256 MiB unless given',
  },
  connections: { knob: 'connections', type: 'number', describe: 'TLS connections that the window is spread over' },
  polite: { knob: 'polite', type: 'boolean', describe: 'Give way to others on the same path' },
} as const;

/** A strategy and its knobs, for commands that restore. */
export const strategyOptions: Readonly<Record<string, Options>> = {
  strategy: {
    choices: builtInStrategyNames,
    describe: 'How chunks are fetched and written; window-unordered unless given, window-ordered for -',
  },
  ...Object.fromEntries(
    Object.entries(knobOptions).map(([name, { type, describe }]): [string, Options] => [name, { type, describe }]),
  ),
};

/** What pbs-restore asks of a server at a time; a strategy that would ask for more has to be told to. */
const MOST_IN_FLIGHT_UNASKED = 16;

/**
 * The strategy that the options ask for, with its defaults, but that no more chunks are in flight than a server is used
 * to unless the user says so.
 * @throws UsageError that names the option
 */
export function strategyFrom(argv: Readonly<Record<string, unknown>>, defaultName: string): BuiltInStrategySettings {
  const given = Object.entries(knobOptions)
    .filter(([name]) => argv[name] !== undefined)
    .map(([name, { knob }]) => [knob, argv[name]]);
  const name = argv['strategy'] ?? defaultName;
  const parsed = strategySchema.safeParse({ name, ...Object.fromEntries(given) });
  if (parsed.success && parsed.data.external === undefined) {
    const { knobs } = parsed.data;
    const inFlight =
      argv['in-flight'] === undefined ? Math.min(knobs.inFlight, MOST_IN_FLIGHT_UNASKED) : knobs.inFlight;
    return { ...parsed.data, knobs: { ...knobs, inFlight } };
  }
  const [issue] = parsed.error?.issues ?? [];
  const knob = issue?.path[0];
  const option = Object.entries(knobOptions).find(([, other]) => other.knob === knob)?.[0] ?? 'strategy';
  const allowed = issue?.code === 'custom' ? (issue.params?.['allowed'] as string | undefined) : undefined;
  throw new UsageError(`--${option}: ${issue?.message ?? 'wrong value'}`, {
    code: 'usage',
    hint: allowed === undefined ? 'see `restorelab restore --help`' : `allowed: ${allowed}`,
  });
}
