import { join } from 'node:path';

import type { SampleColumn } from '../model/records.ts';
import type { ByteScanner } from './byte-scanner.ts';
import {
  counter,
  joinSamplers,
  sampleFile,
  sampleSlowly,
  type ResourceSampler,
  type SampleParser,
  type SampleSources,
} from './resource-sampler.ts';

/** Of `/proc/net/snmp`, group `Tcp`. */
const totals = [
  ['OutSegs', 'tcp.segmentsOut'],
  ['RetransSegs', 'tcp.retransmits'],
  ['InErrs', 'tcp.receiveErrors'],
] as const;

/** Of `/proc/net/netstat`, group `TcpExt`. */
const extended = [
  ['ListenOverflows', 'tcp.listenOverflows'],
  ['ListenDrops', 'tcp.listenDrops'],
  ['TCPTimeouts', 'tcp.timeouts'],
  ['TCPToZeroWindowAdv', 'tcp.zeroWindows'],
] as const;

/** TCP of the whole network namespace; the extended figures about once a second. */
export function openTcpSampler(sources: SampleSources): ResourceSampler {
  return joinSamplers([
    sampleFile(sources, {
      name: 'tcp',
      path: join(sources.proc, 'net/snmp'),
      inspect: (scanner) => namedFigures(scanner, 'Tcp', totals),
    }),
    sampleSlowly(
      sources,
      sampleFile(sources, {
        name: 'tcp.extended',
        path: join(sources.proc, 'net/netstat'),
        inspect: (scanner) => namedFigures(scanner, 'TcpExt', extended),
      }),
    ),
  ]);
}

/**
 * These files hold pairs of lines, `Group: names` and `Group: figures`. The names are looked up once; from then on the
 * figures are taken by their place in the line, which the kernel keeps while it runs.
 */
export function namedFigures(
  scanner: ByteScanner,
  group: string,
  wanted: readonly (readonly [string, string])[],
): { readonly columns: readonly SampleColumn[]; readonly parse: SampleParser } {
  const prefix = `${group}:`;
  let line = 0;
  while (!scanner.accept(prefix) && scanner.nextLine()) line += 1;
  const found: { readonly place: number; readonly column: SampleColumn }[] = [];
  for (let place = 0, name = scanner.word(); name !== ''; place += 1, name = scanner.word()) {
    const match = wanted.find(([label]) => label === name);
    if (match !== undefined) found.push({ place, column: counter(match[1]) });
  }
  return {
    columns: found.map(({ column }) => column),
    parse(scanner, values, first) {
      for (let skipped = 0; skipped <= line; skipped += 1) scanner.nextLine();
      if (!scanner.accept(prefix)) return false;
      let place = 0;
      for (const [index, { place: target }] of found.entries()) {
        scanner.skipFields(target - place);
        values[first + index] = scanner.integer();
        place = target + 1;
      }
      return found.length > 0;
    },
  };
}
