import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import { Lab } from '../../src/harness/lab.ts';
import { restoreReference } from '../../src/harness/restore-reference.ts';
import { IntegrityError } from '../../src/model/errors.ts';
import { chunkFile, digestsOf, golden } from '../pbs/server/golden-server.ts';

const snapshot = 'vm/100/2026-02-16T16:30:44Z';
const archive = 'drive-scsi0.img';

test('a damaged image leaves all memory to the trials of the others', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'restorelab-reference-'));
  t.after(async () => await rm(folder, { recursive: true, force: true }));
  const damaged = join(folder, 'store');
  await cp(golden, damaged, { recursive: true });
  for (const digest of digestsOf(`${snapshot}/${archive}.fidx`)) {
    const path = chunkFile(digest, damaged);
    const bytes = await readFile(path);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await rm(path);
    await writeFile(path, bytes);
  }
  await using lab = await Lab.start({
    certificateFolder: join(folder, 'certificate'),
    clientPid: process.pid,
    clock: monotonicClock(),
  });
  const { signal } = new AbortController();
  await assert.rejects(
    restoreReference(
      { kind: 'embedded', datastore: damaged, snapshot, archive },
      { lab, signal, onProgress: () => {} },
    ),
    IntegrityError,
  );
  await using _memory = lab.lendMemory(1, lab.decoderPool(0));
  await using session = await lab.connect(await lab.mount(golden), { snapshot, signal });
  const { index } = await session.downloadFixedIndex(archive, signal);
  const first = [...index.slots()].find(({ isZero }) => !isZero);
  const chunk = await session.fetch(first?.digest ?? '', AbortSignal.timeout(5000));
  assert.equal(chunk.memory.isLent, true);
});
