import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ByteScanner } from './byte-scanner.ts';
import {
  counter,
  gauge,
  joinSamplers,
  sampleFile,
  type ResourceSampler,
  type SampleSources,
  type SampleValues,
} from './resource-sampler.ts';

/** A hypervisor has an interface for every guest; the restore's path is one of the first. */
const MAXIMUM_INTERFACES = 16;

const counters = ['receiveBytes', 'sendBytes', 'receiveErrors', 'sendErrors', 'receiveDrops', 'sendDrops'] as const;

/** Bytes, errors and drops of the loopback and of every interface that is not down, and its speed where it is known. */
export function openInterfaceSampler(sources: SampleSources): ResourceSampler {
  let names: readonly string[] = [];
  const traffic = sampleFile(sources, {
    name: 'interface',
    path: join(sources.proc, 'net/dev'),
    inspect(scanner) {
      names = interfaceNames(scanner)
        .filter((name) => readText(join(sources.sys, 'class/net', name, 'operstate')) !== 'down')
        .slice(0, MAXIMUM_INTERFACES);
      return {
        columns: names.flatMap((name) => counters.map((detail) => counter(`interface.${name}.${detail}`))),
        parse: (scanner, values, first) => parseInterfaces(scanner, names, values, first),
      };
    },
  });
  return joinSamplers([traffic, ...names.map((name) => speedOf(sources, name))]);
}

/** Negotiated speed, read once: it does not change while anything is measured. */
function speedOf({ sys }: SampleSources, name: string): ResourceSampler {
  const column = `interface.${name}.speedBytesPerSecond`;
  const megabits = Number(readText(join(sys, 'class/net', name, 'speed')) ?? Number.NaN);
  // Virtual drivers fail to read, or say -1 (ethtool's SPEED_UNKNOWN).
  const isKnown = megabits > 0;
  return {
    columns: isKnown ? [gauge(column)] : [],
    unavailable: isKnown ? {} : { [column]: `unsupported: ${name} reports no speed` },
    sample(values, first) {
      if (isKnown) values[first] = (megabits * 1e6) / 8;
    },
    [Symbol.dispose]: () => {},
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return undefined;
  }
}

/** Names in `/proc/net/dev`, below its two lines of headings. */
export function interfaceNames(scanner: ByteScanner): readonly string[] {
  const names: string[] = [];
  scanner.nextLine();
  while (scanner.nextLine()) names.push(scanner.word());
  return names;
}

/** Six columns for each of `names`; interfaces may come and go, and the file's order is then another. */
export function parseInterfaces(
  scanner: ByteScanner,
  names: readonly string[],
  values: SampleValues,
  first: number,
): boolean {
  scanner.nextLine();
  while (scanner.nextLine()) {
    const position = names.indexOf(scanner.word());
    if (position < 0) continue;
    const at = first + position * counters.length;
    values[at] = scanner.integer();
    scanner.skipFields(1);
    values[at + 2] = scanner.integer();
    values[at + 4] = scanner.integer();
    scanner.skipFields(4);
    values[at + 1] = scanner.integer();
    scanner.skipFields(1);
    values[at + 3] = scanner.integer();
    values[at + 5] = scanner.integer();
  }
  return true;
}
