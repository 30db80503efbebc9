import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly quick: boolean;
  readonly only: readonly string[];
  readonly jsonFile?: string;
  readonly seed?: string;
  /** Instead of the usual limit. */
  readonly limitMs?: number;
  readonly list: boolean;
  readonly sweep: boolean;
  readonly help: boolean;
}

export const help = `npm run bench -- [options]

Measures what transport, decoding and whole restores cost, side by side in one run, and holds the ratios against
their bounds. Ends with 1 where a ratio is not met. docs/benchmarks.md defines every figure.

  --quick       at most 10 minutes, with every ratio; all of it takes at most 25
  --only NAME   only this ratio, measurement or family (see --list); may be given several times
  --json FILE   also write host, measurements and ratios as JSON
  --minutes N   end after so long instead, once each family has been measured once
  --seed TEXT   of the order in which the probes of a block run; random unless given
  --list        print the names of families, ratios and measurements
  --sweep       compare buffer, window and frame sizes of the transports instead, to find the best of each
  --help        print this
`;

/** @throws Error for options that do not exist, or have no sense */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      seed: { type: 'string' },
      minutes: { type: 'string' },
      list: { type: 'boolean', default: false },
      sweep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick, only, json, seed, minutes, list, sweep, help: wantsHelp } = values;
  const limitMs = minutes === undefined ? undefined : Number(minutes) * 60_000;
  if (limitMs !== undefined && !(limitMs >= 0)) throw new Error(`--minutes takes a number, not ${minutes}`);
  return {
    quick,
    only,
    list,
    sweep,
    help: wantsHelp,
    ...(json === undefined ? {} : { jsonFile: json }),
    ...(seed === undefined ? {} : { seed }),
    ...(limitMs === undefined ? {} : { limitMs }),
  };
}
