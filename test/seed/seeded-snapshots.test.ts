import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ServerError, UsageError } from '../../src/model/errors.ts';
import { parseSnapshotPath } from '../../src/pbs/format/snapshot-path.ts';
import { forgetSnapshots } from '../../src/seed/seeded-snapshots.ts';

const names = ['13', '14', '15'].map((day) => `vm/restorelab-1/2026-02-${day}T16:27:41Z`);
const snapshots = names.map((name) => ({ name, snapshot: parseSnapshotPath(name) }));

/** Removes all but the second, for which the server has another answer. */
async function forget(answer: Error): Promise<{ readonly forgotten: readonly string[]; readonly error?: unknown }> {
  const forgotten: string[] = [];
  const rest = {
    delete: async ({ snapshot }: { readonly snapshot?: string }) => {
      if (snapshot === names[1]) throw answer;
      return await Promise.resolve(null);
    },
  };
  const { signal } = new AbortController();
  try {
    const place = { store: 'tank', namespace: '' };
    await forgetSnapshots(rest, place, snapshots, { onForgotten: (name) => void forgotten.push(name), signal });
    return { forgotten };
  } catch (error) {
    return { forgotten, error };
  }
}

test('a snapshot that somebody else has removed meanwhile does not keep the others from being forgotten', async () => {
  assert.deepEqual(await forget(new UsageError('there is no snapshot', { code: 'snapshot-not-found' })), {
    forgotten: [names[0], names[2]],
  });
});

test('a snapshot that cannot be removed ends it, and what was removed until then is known', async () => {
  const locked = new ServerError('something else has it locked', { code: 'locked' });
  assert.deepEqual(await forget(locked), { forgotten: [names[0]], error: locked });
});
