import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants, createReadStream } from 'node:fs';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, test } from 'node:test';

import { monotonicClock } from '../../src/clock/monotonic.ts';
import { DecoderPool } from '../../src/decode/decoder-pool.ts';
import { MachineError } from '../../src/model/errors.ts';
import { StreamTarget, writeToStream } from '../../src/target/stream-target.ts';
import { noise, received, slotOf } from '../decode/chunks.ts';

const clock = monotonicClock();
/** Several times what a pipe takes. */
const LENGTH = 300_000;

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'restorelab-stream-'));
});
after(async () => await rm(folder, { recursive: true }));

const streamTo = ({ fd }: FileHandle): StreamTarget =>
  new StreamTarget({ fd, name: 'a pipe', size: 3 * LENGTH, clock, signal: new AbortController().signal });

let pipes = 0;

/** A pipe whose ends do not block, as Node.js makes those of a process. */
async function pipe(): Promise<{ readonly path: string; readonly writer: FileHandle; readonly reader: FileHandle }> {
  const path = join(folder, `pipe-${(pipes += 1)}`);
  execFileSync('mkfifo', [path]);
  const reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
  return { path, writer, reader };
}

for (const compress of [false, true]) {
  test(`chunks ${compress ? 'that were compressed ' : ''}and zeros come out in order, more than a pipe takes at once`, async () => {
    const { path, writer, reader } = await pipe();
    await using pool = new DecoderPool({ threads: 2, clock });
    const target = streamTo(writer);
    const chunks = [1, 2].map((seed) => (compress ? new Uint8Array(LENGTH).fill(seed) : noise(LENGTH, seed)));
    const [first, second] = chunks as [Uint8Array, Uint8Array];
    const blocking = createReadStream(path);
    const seen = buffer(blocking);
    await target.write(0, await pool.decode(received(first, { compress }), slotOf(first)));
    await target.writeZeroes(LENGTH, LENGTH);
    await target.write(2 * LENGTH, await pool.decode(received(second, { compress }), slotOf(second)));
    await target.finish();
    await Promise.all([writer.close(), reader.close()]);
    assert.deepEqual(await seen, Buffer.concat([first, new Uint8Array(LENGTH), second]));
  });
}

test('a restore that leaves something out does not end well', async () => {
  const { writer, reader } = await pipe();
  const target = streamTo(writer);
  await target.writeZeroes(0, 1000);
  await assert.rejects(target.finish(), /left out 899000 bytes/u);
  await Promise.all([writer.close(), reader.close()]);
});

test('a write at another place than the end is a mistake of the strategy', async () => {
  const { writer, reader } = await pipe();
  const target = streamTo(writer);
  await assert.rejects(target.writeZeroes(10, 10), /wrote at 10 to a stream that has 0 bytes/u);
  await Promise.all([writer.close(), reader.close()]);
});

test('a reader that has gone is told as such, for chunks and for zeros', async () => {
  const { writer, reader } = await pipe();
  await reader.close();
  await using pool = new DecoderPool({ threads: 1, clock });
  const target = streamTo(writer);
  const plain = noise(1000, 1);
  const gone = (error: unknown): boolean =>
    error instanceof MachineError && error.code === 'reader-gone' && /a pipe/u.test(error.message);
  await assert.rejects(target.write(0, await pool.decode(received(plain), slotOf(plain))), gone);
  await assert.rejects(target.writeZeroes(0, 1000), gone);
  await writer.close();
});

test('waiting for a reader that does not read ends with the signal', async () => {
  const { writer, reader } = await pipe();
  const abort = new AbortController();
  const writing = writeToStream(new Uint8Array(LENGTH), { fd: writer.fd, name: 'a pipe', clock, signal: abort.signal });
  abort.abort(new Error('enough'));
  await assert.rejects(writing, /enough/u);
  await Promise.all([writer.close(), reader.close()]);
});
