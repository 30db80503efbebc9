import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import { Lab } from '../../src/harness/lab.ts';
import { defaultTransport } from '../../src/model/transport.ts';

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
    const { ports, inUse } = lab.servers;
    const [server] = inUse;
    assert.ok(server !== undefined);
    assert.equal(await lab.reviveServers(), false);
    process.kill(server.pid, 'SIGKILL');
    process.kill(lab.sampler.pid, 'SIGKILL');
    await Promise.all([server.exited, lab.sampler.exited]);
    assert.equal(await lab.reviveServers(), true);
    assert.deepEqual(lab.servers.ports, ports);
    await using session = await lab.connect(mounted, { snapshot, signal: new AbortController().signal });
    await session.downloadManifest();
    assert.match((await lab.stopSampling()) ?? '', /sampler process has ended/u);
  });

  test('spreads connections over as many server processes as a case asks for, and counts them together', async () => {
    await using lab = await Lab.start({
      certificateFolder: join(folder, 'certificate'),
      clientPid: process.pid,
      clock: monotonicClock(),
      serverProcesses: 3,
    });
    const mounted = await lab.mount(golden);
    const { signal } = new AbortController();
    const settings = {
      link: { roundTripMs: 0, jitterMs: 0 },
      storage: { readLatencyMs: 0, queueDepth: 64 },
      transport: defaultTransport,
    };
    assert.equal(lab.servers.pids.length, 3);
    for (const [processes, reads] of [
      [1, [4]],
      [2, [2, 2]],
      [3, [2, 1, 1]],
    ] as const) {
      await lab.configure({ ...settings, server: { processes } });
      await lab.servers.resetCounters();
      await lab.relay.call('resetCounters');
      for (const connection of [0, 1, 2, 3]) {
        await using session = await lab.connect(mounted, { snapshot, signal, connection });
        const { index } = await session.downloadFixedIndex('drive-scsi0.img', signal);
        const slot = [...index.slots()].find(({ isZero }) => !isZero);
        await session.fetch(slot?.digest ?? '', signal);
      }
      const each = await Promise.all(lab.servers.inUse.map((server) => server.call('counters')));
      assert.deepEqual(
        each.map((counters) => counters.reads),
        reads,
      );
      const { reads: all, bytes } = await lab.servers.counters();
      assert.equal(all, 4);
      // The one link before all of them carried every byte.
      assert.ok((await lab.relay.call('counters')).bytesToClient > bytes);
    }
    await assert.rejects(lab.configure({ ...settings, server: { processes: 4 } }), RangeError);
  });

  test('starts the one that died of several servers again', async () => {
    await using lab = await Lab.start({
      certificateFolder: join(folder, 'certificate'),
      clientPid: process.pid,
      clock: monotonicClock(),
      serverProcesses: 2,
    });
    await lab.mount(golden);
    const [first, second] = lab.servers.pids;
    const { ports } = lab.servers;
    assert.ok(second !== undefined);
    process.kill(second, 'SIGKILL');
    while (!(await lab.reviveServers())) await setTimeout(10);
    const [stillFirst, newSecond] = lab.servers.pids;
    assert.equal(stillFirst, first);
    assert.notEqual(newSecond, second);
    assert.deepEqual(lab.servers.ports, ports);
  });

  const kill = async (lab: Lab): Promise<void> => {
    const [server] = lab.servers.inUse;
    assert.ok(server !== undefined);
    process.kill(server.pid, 'SIGKILL');
    await server.exited;
  };

  const assertServes = async (lab: Lab): Promise<void> => {
    await using session = await lab.connect(await lab.mount(golden), {
      snapshot,
      signal: new AbortController().signal,
    });
    await session.downloadManifest();
  };

  test('takes another port for a server whose port has been taken', async () => {
    await using lab = await start();
    await lab.mount(golden);
    const [port] = lab.servers.ports;
    await kill(lab);
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    try {
      assert.equal(await lab.reviveServers(), true);
    } finally {
      other.close();
    }
    assert.notEqual(lab.servers.ports[0], port);
    await assertServes(lab);
  });

  test('that could not start a server again starts it later, behind the same ports', async () => {
    await using lab = await start();
    await lab.mount(golden);
    const { ports } = lab.servers;
    await kill(lab);
    const certificate = join(folder, 'certificate');
    await rename(certificate, join(folder, 'away'));
    await writeFile(certificate, 'no folder');
    await assert.rejects(lab.reviveServers());
    await rm(certificate);
    await rename(join(folder, 'away'), certificate);
    assert.equal(await lab.reviveServers(), true);
    assert.deepEqual(lab.servers.ports, ports);
    await assertServes(lab);
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
