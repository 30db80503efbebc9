import { once } from 'node:events';
import { connect, type ClientHttp2Session } from 'node:http2';

import { DEFAULT_CHUNK_SIZE } from '../../../src/model/units.ts';
import { Destinations, fetchAll, type Destination } from './destinations.ts';
import type { OpenReceiver } from './receiver-port.ts';
import { connectTls } from './tls.ts';

/** Megabytes; Node's default of 10 ends the session with ENHANCE_YOUR_CALM. */
const MAX_SESSION_MEGABYTES = 4096;

/** `node:http2` as its documentation shows it, with raised windows; each piece of `data` is copied to its place. */
export const openNodeHttp2Receiver: OpenReceiver = async ({ port, streams, settings }) => {
  const socket = await connectTls(port);
  const session = connect(`https://127.0.0.1:${port}`, {
    createConnection: () => socket,
    maxSessionMemory: MAX_SESSION_MEGABYTES,
    settings: { initialWindowSize: settings.streamWindowBytes, maxFrameSize: settings.frameBytes, enablePush: false },
  });
  await once(session, 'connect');
  session.setLocalWindowSize(settings.connectionWindowBytes);
  const destinations = new Destinations(streams);
  return {
    receive: async (chunks) => {
      await fetchAll(streams, chunks, (chunk) => fetchChunk(session, chunk, destinations));
      return chunks * DEFAULT_CHUNK_SIZE;
    },
    check: () => destinations.check(),
    close: () => session.destroy(),
  };
};

async function fetchChunk(session: ClientHttp2Session, chunk: number, destinations: Destinations): Promise<void> {
  const stream = session.request({ ':path': `/chunk?number=${chunk}` });
  let bytes = 0;
  let destination: Destination | undefined;
  stream.on('data', (piece: Buffer) => {
    destination ??= destinations.take(chunk);
    destination.set(piece, bytes);
    bytes += piece.length;
  });
  await once(stream, 'end');
  if (destination !== undefined) destinations.give(destination);
  if (bytes !== DEFAULT_CHUNK_SIZE) throw new Error(`a chunk of ${bytes} bytes`);
}
