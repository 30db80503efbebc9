// Feeds broken inputs to every reader of a format: blobs, indexes, manifests, names. A reader must read or refuse with a
// KnownError, soon and in bounded memory. Exits with 1 and prints the input otherwise; the same seed makes the same inputs.
//
//     node scripts/fuzz-formats.ts [inputs] [seed]
import { fileURLToPath } from 'node:url';

import { fuzzTargets } from '../test/pbs/format/mutations.ts';
import { runFuzzing } from './fuzz-runner.ts';

await runFuzzing(import.meta.url, () =>
  fuzzTargets(fileURLToPath(new URL('../test/fixtures/golden', import.meta.url))),
);
