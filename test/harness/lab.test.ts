import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import { Lab } from '../../src/harness/lab.ts';

const golden = fileURLToPath(new URL('../fixtures/golden/store', import.meta.url));
const snapshot = 'vm/100/2026-02-16T16:30:44Z';

await describe('the lab', async () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'restorelab-lab-'));
  });
  after(async () => await rm(folder, { recursive: true, force: true }));

  const start = async (): Promise<Lab> =>
    await Lab.start({
      certificateFolder: join(folder, 'certificate'),
      clientPid: process.pid,
      clock: monotonicClock(),
    });

  test('starts a dead server again behind the same ports, with its datastores, whatever became of the sampler', async () => {
    await using lab = await start();
    const mounted = await lab.mount(golden);
    await lab.startSampling(join(folder, 'samples.jsonl'));
    const { ports } = lab;
    assert.equal(await lab.reviveServer(), false);
    process.kill(lab.server.pid, 'SIGKILL');
    process.kill(lab.sampler.pid, 'SIGKILL');
    await Promise.all([lab.server.exited, lab.sampler.exited]);
    assert.equal(await lab.reviveServer(), true);
    assert.deepEqual(lab.ports, ports);
    await using session = await lab.connect(mounted, { snapshot, signal: new AbortController().signal });
    await session.downloadManifest();
    assert.match((await lab.stopSampling()) ?? '', /sampler process has ended/u);
  });

  test('has nothing to say of samples that are complete or were never wanted', async () => {
    await using lab = await start();
    assert.equal(await lab.stopSampling(), undefined);
    await lab.startSampling(join(folder, 'whole.jsonl'));
    assert.equal(await lab.stopSampling(), undefined);
  });

  test('leaves no process behind when one of them cannot be started', async () => {
    const { execPath } = process;
    const program = join(folder, 'node-without-link');
    await writeFile(program, `#!/bin/sh\ncase "$*" in *link/main*) exit 3 ;; esac\nexec '${execPath}' "$@"\n`);
    await chmod(program, 0o755);
    process.execPath = program;
    try {
      await assert.rejects(start(), { code: 'process-not-started', message: /link emulator/u });
    } finally {
      process.execPath = execPath;
    }
    const children = await readFile(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8');
    assert.equal(children.trim(), '');
  });
});
