import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';

import { z } from 'zod';

import { placesFrom } from '../cache/places.ts';
import { monotonicClock } from '../clock/monotonic.ts';
import {
  acceleratedPrimitives,
  accelerations,
  environmentWithout,
  type Acceleration,
} from '../hardware/acceleration.ts';
import { compareMeasurements } from '../hardware/compare-profiles.ts';
import { measureHardware } from '../hardware/measure-hardware.ts';
import { primitiveNames, type PrimitiveName } from '../hardware/primitive-names.ts';
import {
  newestProfileFile,
  prepareProfileFile,
  profileFileName,
  profileFolder,
  readProfile,
  writeProfile,
} from '../hardware/profile-file.ts';
import { profileFormatVersion, type HardwareProfile } from '../hardware/profile.ts';
import { hostFacts } from '../metrics/host-inventory.ts';
import { exitCodes, UsageError, type ExitCode } from '../model/errors.ts';
import { formatDuration } from '../model/units.ts';
import { nearestName } from '../scenario/nearest-name.ts';
import { LiveRegion } from '../ui/live-region.ts';
import { formatBar } from '../ui/progress.ts';
import { styleFor } from '../ui/style.ts';
import type { Command } from './command.ts';
import { describeComparison } from './describe-hardware-comparison.ts';
import { describeHardware, profileWithFindings } from './describe-hardware.ts';
import type { Edge } from './edge.ts';
import { parseArgv } from './parse-argv.ts';
import { tool } from './tool.ts';

/** Rounds need a length in which the kernel's account of CPU time is good to a few percent. */
const thorough = { rounds: 5, budgetMs: 55_000, maxRoundMs: 400 };
const quickly = { rounds: 3, budgetMs: 17_000, maxRoundMs: 200 };

/** A remaining time is named after this share of the rounds. */
const ESTIMATE_AFTER_SHARE = 0.05;

export const hardwareCommand: Command = {
  examples: [
    ['hardware', 'All primitives on one thread and on all cores, about a minute'],
    ['hardware --quick --only sha-256,tls', 'Some of them, a few seconds each'],
    ['hardware --without sha,aes', 'The same without SHA and AES instructions, and what they are worth'],
    ['hardware --out here.json', 'Keep the profile in a file of your own'],
    ['hardware --compare here.json there.json', 'How many times the first machine is the second'],
    ['hardware --compare there.json', "Compare this machine's newest profile with another"],
  ],
  positionals: {},
  options: {
    quick: { type: 'boolean', default: false, describe: 'Fewer and shorter rounds: about 20 seconds' },
    only: { type: 'string', describe: `Primitives or their families, comma-separated: ${primitiveNames.join(', ')}` },
    without: {
      type: 'string',
      describe: `Also measure without these instructions, comma-separated: ${accelerations.join(', ')}`,
    },
    folder: { type: 'string', describe: 'Where file writes are measured; the cache folder unless given' },
    out: { type: 'string', describe: 'Write the profile to this file, too' },
    compare: { type: 'array', string: true, describe: 'Compare one or two profiles instead of measuring' },
    json: { type: 'boolean', default: false, describe: 'Print JSON' },
  },
  async run(argv, edge): Promise<ExitCode> {
    const once = z.string('can be given once').optional();
    const options = parseArgv(argv, {
      quick: z.boolean(),
      json: z.boolean(),
      only: once,
      without: once,
      folder: once,
      out: once,
      compare: z.array(z.string()).min(1, 'needs the file of a profile').max(2, 'takes one or two profiles').optional(),
    });
    if (options.compare !== undefined) {
      const other = Object.entries(options).find(([name, value]) =>
        ['only', 'without', 'folder', 'out'].includes(name) ? value !== undefined : name === 'quick' && value === true,
      );
      if (other !== undefined)
        throw new UsageError(`--compare measures nothing, so --${other[0]} cannot go with it`, { code: 'usage' });
      return await compareFiles(options.compare, options.json, edge);
    }
    return await measure(options, edge);
  },
};

interface MeasureArguments {
  readonly quick: boolean;
  readonly json: boolean;
  readonly only?: string | undefined;
  readonly without?: string | undefined;
  readonly folder?: string | undefined;
  readonly out?: string | undefined;
}

async function measure(options: MeasureArguments, edge: Edge): Promise<ExitCode> {
  const { quick, json, out } = options;
  const names = options.only === undefined ? new Set(primitiveNames) : chosenNames(options.only);
  const withoutNames = options.without === undefined ? undefined : chosenAccelerations(options.without);
  const touched = withoutNames?.flatMap((name) => acceleratedPrimitives[name]);
  if (touched?.some((name) => names.has(name)) === false) {
    throw new UsageError('--without changes none of the chosen primitives', {
      code: 'usage',
      hint: `choose some of ${touched.join(', ')} with --only, or leave it out`,
    });
  }
  const places = placesFrom(edge.env, edge.home);
  const outFile = out === undefined ? undefined : resolve(edge.cwd, out);
  if (outFile !== undefined) await prepareProfileFile(outFile);
  const folder = options.folder === undefined ? places.cache : resolve(edge.cwd, options.folder);
  const host = await hostFacts({ versions: edge.versions, folders: [folder] });
  const cpuFlags = Array.isArray(host['cpuFlags']) ? (host['cpuFlags'] as readonly string[]) : undefined;
  const clock = monotonicClock();
  const style = styleFor(edge.stderr, edge.env);
  using region = new LiveRegion({ stream: edge.stderr, env: edge.env, clock });
  region.update(['preparing'], '');
  const startedMs = clock.now();
  const measured = await measureHardware({
    names,
    ...(quick ? quickly : thorough),
    cores: availableParallelism(),
    folder,
    certificateFolder: join(places.state, 'certificate'),
    env: edge.env,
    ...(withoutNames === undefined
      ? {}
      : {
          without: { names: withoutNames, variable: environmentWithout(withoutNames, { arch: host.arch, cpuFlags }) },
        }),
    clock,
    signal: edge.interrupted,
    onProgress: (done, total, name) => {
      const share = done / total;
      const leftMs = ((clock.now() - startedMs) * (total - done)) / done;
      const left = share < ESTIMATE_AFTER_SHARE ? '' : `, about ${formatDuration(leftMs)} left`;
      region.update([`${formatBar(share)} round ${done + 1} of ${total}${left}  ${style.dim(name)}`]);
    },
  });
  region.end();
  const profile: HardwareProfile = {
    formatVersion: profileFormatVersion,
    tool: { ...tool, node: edge.versions['node'] ?? 'unknown' },
    host,
    measuredAt: new Date().toISOString(),
    ...measured,
  };
  // A part of a profile would be taken for this machine's newest whole one.
  const isWhole = names.size === primitiveNames.length;
  const files = [
    ...(isWhole ? [join(profileFolder(places.state), profileFileName(profile.measuredAt))] : []),
    ...(outFile === undefined ? [] : [outFile]),
  ];
  for (const file of files) await writeProfile(file, profile);
  if (json) edge.stdout.write(`${JSON.stringify(profileWithFindings(profile), undefined, 2)}\n`);
  else {
    const { columns } = edge.stdout;
    edge.stdout.write(
      describeHardware(profile, {
        style: styleFor(edge.stdout, edge.env),
        ...(columns === undefined ? {} : { width: columns }),
      }),
    );
    for (const file of files) edge.stdout.write(`Profile: ${file}\n`);
  }
  return exitCodes.fine;
}

async function compareFiles(files: readonly string[], json: boolean, edge: Edge): Promise<ExitCode> {
  const [first = '', second] = files.map((file) => resolve(edge.cwd, file));
  const own = second === undefined ? await newestProfileFile(placesFrom(edge.env, edge.home).state) : undefined;
  if (second === undefined && own === undefined) {
    throw new UsageError('this machine has no hardware profile to compare with', {
      code: 'profile-not-found',
      hint: 'make one with `restorelab hardware`, or give two files',
    });
  }
  // With one file the question is how this machine stands to that one.
  const [ofFile, toFile] = second === undefined ? [own ?? '', first] : [first, second];
  const of = await readProfile(ofFile);
  const to = await readProfile(toFile);
  const compared = compareMeasurements(of.measurements, to.measurements);
  if (json) {
    const side = (file: string, { host, measuredAt }: HardwareProfile): object => ({ file, host, measuredAt });
    const comparison = { formatVersion: 1, of: side(ofFile, of), to: side(toFile, to), measurements: compared };
    edge.stdout.write(`${JSON.stringify(comparison, undefined, 2)}\n`);
    return exitCodes.fine;
  }
  const { columns } = edge.stdout;
  edge.stdout.write(
    describeComparison({ file: ofFile, profile: of }, { file: toFile, profile: to }, compared, {
      style: styleFor(edge.stdout, edge.env),
      ...(columns === undefined ? {} : { width: columns }),
    }),
  );
  return exitCodes.fine;
}

/** A word names a primitive, or all whose names start with it: `tls`, `zstd-decompress`. */
function chosenNames(list: string): ReadonlySet<PrimitiveName> {
  const words = wordsOf(list, '--only');
  return new Set(
    words.flatMap((word) => {
      const found = primitiveNames.filter((name) => name === word || name.startsWith(`${word}-`));
      if (found.length === 0) throw unknownName('primitive', word, primitiveNames);
      return found;
    }),
  );
}

function chosenAccelerations(list: string): readonly Acceleration[] {
  const words = wordsOf(list, '--without');
  return accelerations.filter((name) => {
    const unknown = words.find((word) => !accelerations.some((known) => known === word));
    if (unknown !== undefined) throw unknownName('acceleration', unknown, accelerations);
    return words.includes(name);
  });
}

function wordsOf(list: string, option: string): readonly string[] {
  const words = list
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  if (words.length === 0) throw new UsageError(`${option} names nothing`, { code: 'usage' });
  return words;
}

function unknownName(kind: string, word: string, known: readonly string[]): UsageError {
  const nearest = nearestName(word, known);
  return new UsageError(`there is no ${kind} ${word}`, {
    code: 'usage',
    hint: nearest === undefined ? `it must be one of ${known.join(', ')}` : `did you mean ${nearest}?`,
  });
}
