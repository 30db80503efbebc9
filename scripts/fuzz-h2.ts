// Feeds broken inputs to what reads HTTP/2 from a peer: header blocks, alone and as the sequence of a connection, and
// whole connections of both ends, with frames that are right, changed or random; some 6 million of them unless told
// otherwise. A reader must read or refuse with its own error, soon and in bounded memory. Exits with 1 and prints the
// input otherwise; the same seed makes the same inputs.
//
//     node scripts/fuzz-h2.ts [inputs] [seed]
import { hpackFuzzTargets } from '../test/pbs/h2/hpack/mutations.ts';
import { connectionFuzzTargets } from '../test/pbs/h2/fuzz-connections.ts';
import { runFuzzing } from './fuzz-runner.ts';

/** Of these, five in nine are connections with some 30 frames each. */
const DEFAULT_INPUTS = 360_000;

await runFuzzing(import.meta.url, () => [...hpackFuzzTargets(), ...connectionFuzzTargets()], DEFAULT_INPUTS);
