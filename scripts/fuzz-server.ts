// Asks the embedded server for right, changed and random things, over HTTP/1.1 and inside of reader sessions, 10,000 of
// them unless told otherwise. Exits with 1 where it answers what it should not, shows or changes what is outside of its
// datastore, or keeps memory, files or locks; the same seed makes the same requests.
//
//     node scripts/fuzz-server.ts [requests] [seed]
import { MiB } from '../src/model/units.ts';
import { runHostileRequests } from '../test/pbs/server/hostile/hostile-run.ts';
import { fuzzArguments } from './fuzz-arguments.ts';

/** Of both ends of some hundred connections; a leak of a KiB for each request shows. */
const MOST_GROWTH_BYTES = 10 * MiB;

const { inputs: requests, seed } = fuzzArguments('fuzz-server.ts', 10_000);
const start = performance.now();
const tally = await runHostileRequests({ requests, seed });
const seconds = (performance.now() - start) / 1000;
const statuses = [...tally.answers].sort(([left], [right]) => left.localeCompare(right));
console.log(
  `${tally.requests} requests in ${seconds.toFixed(1)} s: ${statuses.map(([status, count]) => `${count} x ${status}`).join(', ')}`,
);
console.log(
  `memory ${(tally.grownBytes / MiB).toFixed(1)} MiB, ${tally.leftFiles} open files more than after the first tenth; no lock is held`,
);
if (tally.grownBytes > MOST_GROWTH_BYTES || tally.leftFiles > 0) process.exitCode = 1;
