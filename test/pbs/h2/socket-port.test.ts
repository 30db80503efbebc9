import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';

import { SocketPort } from '../../../src/pbs/h2/socket-port.ts';

const turn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

test('what arrives after the end of this side goes nowhere, also while reading is held back', async () => {
  const [near, far] = duplexPair();
  const received: string[] = [];
  const port = new SocketPort();
  port.attach(near, { isFed: false });
  port.start(
    {
      receive: (bytes, start, end) => {
        received.push(bytes.toString('latin1', start, end));
        return end;
      },
      placeForInput: () => undefined,
      placed: () => {},
      socketEnded: () => {},
    },
    undefined,
  );
  far.write('first');
  await turn();
  port.pauseInput();
  // TLS hands out what it has decrypted although reading was stopped.
  near.emit('data', Buffer.from('second'));
  port.finish();
  far.write('third');
  await turn();
  port.resumeInput();
  await turn();
  assert.deepEqual(received, ['first']);
  near.destroy();
});
