import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { constants } from 'node:http2';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import { monotonicNow } from '../../../src/clock/monotonic.ts';
import { GoldenServer, chunkFile, digestsOf, golden, incompressible, penaltyMs, vm100 } from './golden-server.ts';
import { fetchH2 } from './raw-client.ts';

let lab: GoldenServer;
before(async () => {
  lab = await GoldenServer.start();
});
after(() => lab[Symbol.asyncDispose]());

const json = 'application/json;charset=UTF-8';

describe('a reader session', () => {
  it('delivers files and chunks byte for byte', async () => {
    await lab.withReader(async (session) => {
      for (const name of ['index.json.blob', 'drive-scsi0.img.fidx', 'qemu-server.conf.blob']) {
        const { status, headers, body } = await fetchH2(session, `/download?file-name=${name}`);
        assert.deepEqual(
          [status, headers['content-type'], headers['content-length']],
          [200, 'application/octet-stream', undefined],
        );
        assert.deepEqual(body, readFileSync(join(golden, 'vm/100/2026-02-16T16:30:44Z', name)));
      }
      for (const digest of digestsOf('vm/100/2026-02-16T16:30:44Z/drive-scsi0.img.fidx')) {
        const { status, headers, body } = await fetchH2(session, `/chunk?digest=${digest}`);
        const expected = readFileSync(chunkFile(digest));
        assert.equal(status, 200);
        assert.deepEqual(Object.keys(headers), [':status', 'content-type', 'date', 'content-length']);
        assert.equal(headers['content-length'], String(expected.length));
        assert.ok(body.equals(expected), digest);
      }
    });
  });

  it('lets chunks of dynamic indexes be fetched', async () => {
    await lab.withReader(async (session) => {
      const { body } = await fetchH2(session, '/download?file-name=root.pxar.didx');
      const digest = body.toString('hex', 4104, 4136);
      assert.ok((await fetchH2(session, `/chunk?digest=${digest}`)).body.equals(readFileSync(chunkFile(digest))));
    }, '/api2/json/reader?backup-id=anchor&backup-time=1771010800&backup-type=host&store=golden');
  });

  it('serves 64 requests at once, and 16 connections at once', async () => {
    const digests = digestsOf('vm/100/2026-02-16T16:30:44Z/drive-scsi0.img.fidx');
    const at = (index: number): string => digests[index % digests.length] ?? '';
    await lab.withReader(async (session) => {
      await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
      const answers = await Promise.all(
        Array.from({ length: 64 }, (_, index) => fetchH2(session, `/chunk?digest=${at(index)}`)),
      );
      for (const [index, { body }] of answers.entries())
        assert.ok(body.equals(readFileSync(chunkFile(at(index)))), `answer ${index}`);
    });
    await Promise.all(
      Array.from({ length: 16 }, (_, index) =>
        lab.withReader(async (session) => {
          await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
          assert.ok(
            (await fetchH2(session, `/chunk?digest=${at(index)}`)).body.equals(readFileSync(chunkFile(at(index)))),
          );
        }),
      ),
    );
  });

  it('keeps chunks of other indexes back, after the penalty, and goes on', async () => {
    await lab.withReader(async (session) => {
      const start = monotonicNow();
      const early = await fetchH2(session, `/chunk?digest=${incompressible}`);
      assert.ok(monotonicNow() - start >= penaltyMs);
      assert.deepEqual([early.status, early.body.toString()], [401, `download chunk ${incompressible} not allowed`]);
      assert.equal(early.headers['content-type'], undefined);
      await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
      assert.equal((await fetchH2(session, `/chunk?digest=${incompressible}`)).status, 200);
      assert.equal((await fetchH2(session, `/chunk?digest=${'0'.repeat(64)}`)).status, 401);
    });
  });

  it('answers HEAD without a body, and goes on', async () => {
    await lab.withReader(async (session) => {
      const { status, body, headers } = await fetchH2(session, '/speedtest', { method: 'HEAD' });
      assert.deepEqual([status, body.length, headers['content-length']], [404, 0, '28']);
      assert.equal((await fetchH2(session, '/speedtest')).status, 200);
    });
  });

  it('answers every wrong request in the words of the real server, and goes on', async () => {
    await lab.withReader(async (session) => {
      const file = (name: string): string => JSON.stringify(join(golden, 'vm/100/2026-02-16T16:30:44Z', name));
      const wrong: readonly (readonly [path: string, status: number, text: string, method?: string])[] = [
        ['/chunk?digest=ABC', 400, "parameter verification failed - 'digest': value does not match the regex pattern"],
        [
          `/chunk?digest=${incompressible.toUpperCase()}`,
          400,
          "parameter verification failed - 'digest': value does not match the regex pattern",
        ],
        ['/chunk', 400, "parameter verification failed - 'digest': parameter is missing and it is not optional."],
        [
          `/chunk?digest=${incompressible}&x=1`,
          400,
          "parameter verification failed - 'x': schema does not allow additional properties.",
        ],
        [
          `/chunk?digest=${incompressible}&digest=${incompressible}`,
          400,
          "parameter verification failed - 'digest': duplicate parameter.",
        ],
        ['/nope', 404, "Path '/nope' not found."],
        [`/chunk?digest=${incompressible}`, 404, "Path '/chunk' not found.", 'POST'],
        [
          '/download?file-name=nope.fidx',
          400,
          `Unable to open fixed index ${file('nope.fidx')} - No such file or directory (os error 2)`,
        ],
        ['/download?file-name=nope.blob', 404, `open file ${file('nope.blob')} failed - not found`],
        ['/download?file-name=nope.txt', 400, 'unknown archive type: "nope.txt"'],
        [
          '/download?file-name=../owner',
          400,
          "parameter verification failed - 'file-name': value does not match the regex pattern",
        ],
        ['/speedtest?x=1', 400, "parameter verification failed - 'x': schema does not allow additional properties."],
      ];
      for (const [path, status, text, method] of wrong) {
        const answer = await fetchH2(session, path, method === undefined ? {} : { method });
        assert.deepEqual([answer.status, answer.body.toString()], [status, text], path);
        assert.equal(
          answer.headers['content-type'],
          status === 404 && text.startsWith('Path') ? json : undefined,
          path,
        );
      }
      const speedtest = await fetchH2(session, '/speedtest');
      assert.deepEqual(
        [speedtest.headers['content-length'], speedtest.body.equals(Buffer.alloc(1048576, 'A'))],
        ['1048576', true],
      );
    });
  });

  it('passes damaged chunk files on as they are, and names missing ones', async () => {
    const store = join(lab.folder, 'damaged');
    cpSync(golden, store, { recursive: true });
    lab.server.mount({ store: 'damaged', path: store });
    const [first = '', second = '', third = ''] = digestsOf('vm/100/2026-02-16T16:30:44Z/drive-scsi0.img.fidx');
    truncateSync(chunkFile(first, store), 5);
    writeFileSync(chunkFile(second, store), '');
    rmSync(chunkFile(third, store));
    const index = join(store, 'vm/100/2026-02-16T16:30:44Z/drive-scsi0.img.fidx');
    await lab.withReader(async (session) => {
      await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
      assert.ok(
        (await fetchH2(session, `/chunk?digest=${first}`)).body.equals(readFileSync(chunkFile(first)).subarray(0, 5)),
      );
      const empty = await fetchH2(session, `/chunk?digest=${second}`);
      assert.deepEqual([empty.status, empty.headers['content-length'], empty.body.length], [200, '0', 0]);
      const missing = await fetchH2(session, `/chunk?digest=${third}`);
      const text = `reading file ${JSON.stringify(chunkFile(third, store))} failed: No such file or directory (os error 2)`;
      assert.deepEqual(
        [missing.status, missing.body.toString(), missing.headers['content-type']],
        [400, text, undefined],
      );
      // Sparse; both are beyond what any chunk or index can be, and the second beyond what Node reads at once.
      for (const [path, bytes, request] of [
        [chunkFile(second, store), 200 * 1024 ** 2, `/chunk?digest=${second}`],
        [index, 3 * 1024 ** 3, '/download?file-name=drive-scsi0.img.fidx'],
      ] as const) {
        truncateSync(path, bytes);
        const tooLong = await fetchH2(session, request);
        assert.deepEqual([tooLong.status, /file too large/u.test(tooLong.body.toString())], [400, true], request);
      }
      writeFileSync(index, 'no index');
      assert.match(
        (await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx')).body.toString(),
        /^Unable to open fixed index ".*" - /u,
      );
    }, `/api2/json/reader?${vm100}&store=damaged`);
  });

  it('reads chunks, and only chunks, through the emulated storage', async () => {
    lab.server.setStorage({ readLatencyMs: 60, queueDepth: 1 });
    lab.server.resetCounters();
    try {
      await lab.withReader(async (session) => {
        await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
        const start = monotonicNow();
        await Promise.all([1, 2, 3].map(() => fetchH2(session, `/chunk?digest=${incompressible}`)));
        assert.ok(monotonicNow() - start >= 180);
      });
      const { reads, bytes } = lab.server.counters();
      assert.deepEqual([reads, bytes], [3, 3 * 4_194_316]);
    } finally {
      lab.server.setStorage({ readLatencyMs: 0, queueDepth: 32 });
    }
  });

  it('reads ahead no more than a connection can have in memory, and goes on when requests are reset', async () => {
    lab.server.resetCounters();
    const settled = async (atLeast: number): Promise<number> => {
      for (let before = -1; ;) {
        const { reads } = lab.server.counters();
        if (reads === before && reads >= atLeast) return reads;
        before = reads;
        await setTimeout(50);
      }
    };
    await lab.withReader(async (session) => {
      await fetchH2(session, '/download?file-name=drive-scsi0.img.fidx');
      // The windows of streams that come after this are closed: nothing of a body can be sent.
      await new Promise<void>((resolve) => session.settings({ initialWindowSize: 0 }, () => resolve()));
      const streams = Array.from({ length: 64 }, () => session.request({ ':path': `/chunk?digest=${incompressible}` }));
      for (const stream of streams) stream.on('error', () => {}).resume();
      assert.equal(await settled(32), 32);
      for (const stream of streams.slice(0, 16)) stream.close(constants.NGHTTP2_CANCEL);
      for (const stream of streams.slice(40, 60)) stream.close(constants.NGHTTP2_CANCEL);
      assert.equal(await settled(32 + 12), 32 + 12, 'those that were not reset, which have room now');
    });
  });
});
