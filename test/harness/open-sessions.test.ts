import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import type { MountedStore } from '../../src/harness/embedded-servers.ts';
import { Lab } from '../../src/harness/lab.ts';
import { openSessions } from '../../src/harness/open-sessions.ts';
import { metricValue } from '../../src/model/metric.ts';

const golden = fileURLToPath(new URL('../fixtures/golden/store', import.meta.url));
const image = { snapshot: 'vm/100/2026-02-16T16:30:44Z', archive: 'drive-scsi0.img.fidx' };
const { signal } = new AbortController();

await describe('the sessions of a restore', { timeout: 60_000 }, async () => {
  let folder: string;
  let lab: Lab;
  let mounted: MountedStore;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'restorelab-sessions-'));
    lab = await Lab.start({
      certificateFolder: join(folder, 'certificate'),
      clientPid: process.pid,
      clock: monotonicClock(),
    });
    mounted = await lab.mount(golden);
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const openConnections = async (): Promise<number> => {
    await lab.relay.call('resetCounters');
    return (await lab.relay.call('counters')).connections;
  };
  /** The emulator hears of an end only after the client is done with it; the runner's timeout bounds the wait. */
  const allEnded = async (): Promise<void> => {
    while ((await openConnections()) > 0) await setTimeout(5);
  };

  test('each may fetch the chunks of the image and says which connection carried them; all end together', async () => {
    const sessions = await openSessions({ ...image, mounted }, { lab, connections: 3, signal });
    assert.equal(await openConnections(), 3);
    const [digest] = [...sessions.index.slots()].flatMap((slot) => (slot.isZero ? [] : [slot.digest]));
    assert.ok(digest !== undefined);
    assert.equal(metricValue(sessions.peakWindowUtilization()), undefined);
    const chunks = await Promise.all(sessions.sources.map((source) => source.fetch(digest, signal)));
    assert.deepEqual(
      chunks.map(({ timing }) => timing?.connection),
      [0, 1, 2],
    );
    assert.ok((metricValue(sessions.peakWindowUtilization()) ?? 0) > 0);
    await sessions[Symbol.asyncDispose]();
    await allEnded();
  });

  test('none stays open when one of them cannot be opened', async () => {
    const archive = 'drive-scsi7.img.fidx';
    await assert.rejects(openSessions({ ...image, archive, mounted }, { lab, connections: 3, signal }));
    await allEnded();
  });
});
