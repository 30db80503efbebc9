// Feeds broken inputs to what reads HTTP/2 from a peer: header blocks, alone and as the sequence of a connection. A reader
// must read or refuse with its own error, soon and in bounded memory. Exits with 1 and prints the input otherwise; the
// same seed makes the same inputs.
//
//     node scripts/fuzz-h2.ts [inputs] [seed]
import { hpackFuzzTargets } from '../test/pbs/h2/hpack/mutations.ts';
import { runFuzzing } from './fuzz-runner.ts';

await runFuzzing(import.meta.url, hpackFuzzTargets);
