import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { UploadMemory, type Upload } from '../../../../src/pbs/server/backup/upload-memory.ts';
import { ChunkBuffers } from '../../../../src/pbs/server/chunk-buffers.ts';
import { BodyTooLong } from '../../../../src/pbs/transport/body-too-long.ts';
import type { ServerRequest } from '../../../../src/pbs/transport/transport.ts';

/** A request whose body begins and ends when the test says so. */
class Body {
  readonly #gone: AbortController = new AbortController();
  readonly #begin: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly #end: PromiseWithResolvers<number> = Promise.withResolvers<number>();
  readonly upload: Promise<Upload>;
  hasMemory = false;

  constructor(memory: UploadMemory, bytes: number) {
    const request: ServerRequest = {
      method: 'POST',
      path: '/fixed_chunk',
      query: '',
      headers: {},
      signal: this.#gone.signal,
      receiveBody: async (destination) => {
        await this.#begin.promise;
        await destination();
        this.hasMemory = true;
        return await this.#end.promise;
      },
    };
    this.upload = memory.receive(request, bytes);
    this.upload.catch(() => {});
    this.#end.promise.catch(() => {});
  }

  async begin(): Promise<void> {
    this.#begin.resolve();
    await settled();
  }

  async end(bytes: number): Promise<Upload> {
    this.#end.resolve(bytes);
    return await this.upload;
  }

  async leave(): Promise<void> {
    this.#gone.abort(new Error('the client is gone'));
    this.#end.reject(new Error('the client is gone'));
    await assert.rejects(this.upload, /the client is gone/u);
  }

  fail(error: Error): void {
    this.#end.reject(error);
  }
}

const settled = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

const makeMemory = (): UploadMemory =>
  new UploadMemory(new ChunkBuffers(), { comfortableBytes: 1000, mostBytes: 3000 });

describe('the memory for uploads', () => {
  it('is taken when a body begins and goes back when it was used, whatever became of it', async () => {
    const memory = makeMemory();
    const body = new Body(memory, 600);
    assert.equal(memory.heldBytes, 0);
    await body.begin();
    assert.equal(memory.heldBytes, 600);
    {
      using upload = await body.end(600);
      assert.equal(upload.bytes.length, 600);
    }
    assert.equal(memory.heldBytes, 0);
    for (const length of [599, 0]) {
      const short = new Body(memory, 600);
      await short.begin();
      await assert.rejects(short.end(length), {
        status: 400,
        message: `got blob with unexpected length (${length} != 600)`,
      });
    }
    const long = new Body(memory, 600);
    await long.begin();
    long.fail(new BodyTooLong(600));
    await assert.rejects(long.upload, {
      status: 400,
      message: 'got blob with unexpected length (more than 600 != 600)',
    });
    const left = new Body(memory, 600);
    await left.begin();
    await left.leave();
    assert.equal(memory.heldBytes, 0);
  });

  it('lets others wait as long as uploads are being stored, in the order of their coming', async () => {
    const memory = makeMemory();
    const first = new Body(memory, 900);
    await first.begin();
    const upload = await first.end(900);
    const [second, third, gone] = [new Body(memory, 900), new Body(memory, 900), new Body(memory, 900)];
    for (const body of [second, gone, third]) await body.begin();
    assert.deepEqual([second.hasMemory, third.hasMemory, memory.heldBytes], [false, false, 900]);
    await gone.leave();
    upload[Symbol.dispose]();
    upload[Symbol.dispose]();
    await settled();
    // Nothing is stored now that could give memory back, so nobody has to wait for it.
    assert.deepEqual([second.hasMemory, third.hasMemory, memory.heldBytes], [true, true, 1800]);
    for (const body of [second, third]) (await body.end(900))[Symbol.dispose]();
    assert.equal(memory.heldBytes, 0);
  });

  it('is refused above its bound, where nobody else can give any back', async () => {
    const memory = makeMemory();
    const bodies = [1, 2, 3].map(() => new Body(memory, 1000));
    for (const body of bodies) await body.begin();
    assert.equal(memory.heldBytes, 3000);
    const more = new Body(memory, 1);
    await more.begin();
    await assert.rejects(more.upload, { status: 400, message: /no memory left/u });
    (await bodies[0]?.end(1000))?.[Symbol.dispose]();
    const next = new Body(memory, 1000);
    await next.begin();
    assert.ok(next.hasMemory);
    for (const body of [...bodies.slice(1), next]) await body.leave();
    assert.equal(memory.heldBytes, 0);
  });
});
