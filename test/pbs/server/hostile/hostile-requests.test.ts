import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MiB } from '../../../../src/model/units.ts';
import { runHostileRequests } from './hostile-run.ts';

/** Some 10 s of one core for both ends; scripts/fuzz-server.ts does more of them, and others. */
const REQUESTS = 10_000;

/** Of two ends of hundreds of connections, in a heap that is collected when it likes. */
const MOST_GROWTH_BYTES = 16 * MiB;

test('random and changed requests neither end the server nor leave memory, files or locks behind', async () => {
  const { requests, answers, grownBytes, leftFiles } = await runHostileRequests({ requests: REQUESTS, seed: 'test' });
  assert.ok(requests >= REQUESTS);
  // They go as deep as they should: some right, some wrong, some refused to whoever may not, some no requests at all.
  for (const status of ['200', '101', '400', '401', '403', '404', '414', 'none'])
    assert.ok((answers.get(status) ?? 0) > 0, `no answer ${status}: ${JSON.stringify([...answers])}`);
  assert.ok((answers.get('200') ?? 0) > requests / 10, JSON.stringify([...answers]));
  assert.ok(grownBytes < MOST_GROWTH_BYTES, `memory has grown by ${grownBytes} bytes`);
  assert.equal(leftFiles, 0);
});
