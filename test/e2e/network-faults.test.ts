// A network that fails in the middle of a trial: this trial fails with a named error, and the ones after it are as good as ever.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';

import { exitCodes } from '../../src/model/errors.ts';
import { MiB } from '../../src/model/units.ts';
import { reportOf, Workbench } from './workbench.ts';

/** What goes wrong with a connection that has carried much of an image; the client is at `near`. */
type Harm = (near: Socket, far: Socket, next: Buffer) => void;

/** Well inside the image of the trials, so that chunks came before and are on their way. */
const HARM_AFTER_BYTES = 6 * MiB;

/** Carries the TLS connections of this process, and harms the second of those that restore something. */
class FaultyNetwork implements AsyncDisposable {
  readonly #server: Server;
  readonly #harm: Harm;
  readonly #original = tls.connect;
  readonly #sockets: Set<Socket> = new Set();
  #targetPort = 0;
  #restores = 0;

  private constructor(server: Server, harm: Harm) {
    this.#server = server;
    this.#harm = harm;
    server.on('connection', (near) => this.#carry(near, connect(this.#targetPort, '127.0.0.1')));
    tls.connect = ((options: tls.ConnectionOptions) => {
      this.#targetPort = options.port ?? 0;
      return this.#original({ ...options, port: (server.address() as AddressInfo).port });
    }) as typeof tls.connect;
    syncBuiltinESMExports();
  }

  static async start(harm: Harm): Promise<FaultyNetwork> {
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultyNetwork(server, harm);
  }

  #carry(near: Socket, far: Socket): void {
    this.#sockets.add(near).add(far);
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
    near.pipe(far);
    let carriedBytes = 0;
    far.on('data', (bytes: Buffer) => {
      const isPast = carriedBytes > HARM_AFTER_BYTES;
      carriedBytes += bytes.length;
      if (!isPast && carriedBytes > HARM_AFTER_BYTES) {
        this.#restores += 1;
        if (this.#restores === 2) {
          far.removeAllListeners('data');
          this.#harm(near, far, bytes);
          return;
        }
      }
      if (near.write(bytes)) return;
      far.pause();
      near.once('drain', () => far.resume());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    tls.connect = this.#original;
    syncBuiltinESMExports();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function trickle(near: Socket, far: Socket, next: Buffer): void {
  far.pause();
  let at = 0;
  const timer = setInterval(() => near.write(next.subarray(at, ++at)), 50);
  near.once('close', () => clearInterval(timer));
}

const harms: readonly (readonly [name: string, harm: Harm, code: string])[] = [
  ['a connection that is reset', (near) => near.resetAndDestroy(), 'connection-lost'],
  [
    'a connection that is cut off inside a TLS record',
    (near, _, next) => near.end(next.subarray(0, 100)),
    'connection-lost',
  ],
  [
    'a record that is changed on its way',
    (near, _, next) => near.write(Buffer.alloc(next.length, 1)),
    'connection-lost',
  ],
  ['a connection on which one byte comes at a time', trickle, 'trial-stalled'],
];

await describe('a network fault fails its trial (exit 3), and the following ones are restored and proved', async () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(async () => await bench[Symbol.asyncDispose]());

  for (const [name, harm, code] of harms) {
    test(name, async () => {
      const file = await bench.scenario('network-fault', [
        'strategies: [ { name: window-unordered, inFlight: 4, decodeThreads: 1 } ]',
        'trials: { repeats: 3, warmUp: 0, stallTimeout: 700 ms }',
      ]);
      await using _network = await FaultyNetwork.start(harm);
      const run = await bench.command(['run', file, '--json']);
      assert.equal(run.exitCode, exitCodes.trials, run.stderr);
      const trials = reportOf(run).cases[0]?.strategies.flatMap((strategy) => strategy.trials) ?? [];
      assert.deepEqual(
        trials.map(({ status, error }) => [status, error?.code]),
        [
          ['completed', undefined],
          ['failed', code],
          ['completed', undefined],
        ],
        run.stderr,
      );
      assert.deepEqual(
        trials.map(({ verified }) => verified === true),
        [true, false, true],
      );
    });
  }
});
