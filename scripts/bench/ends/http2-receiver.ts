import { h2ClientTransport } from '../../../src/pbs/h2/client-transport.ts';
import type { Http2Settings } from '../../../src/pbs/transport/transport.ts';
import { DEFAULT_CHUNK_SIZE } from '../../../src/model/units.ts';
import type { TransferSettings } from './control.ts';
import { Destinations, fetchAll, type Destination } from './destinations.ts';
import type { OpenReceiver } from './receiver-port.ts';
import { connectTls } from './tls.ts';

/** The product's own transport, through the interface that a reader session uses. */
export const openHttp2Receiver: OpenReceiver = async ({ port, streams, settings }) => {
  const prepared = h2ClientTransport.prepareSocket?.(() => {});
  const socket = await connectTls(port, prepared);
  const connection = (prepared ?? h2ClientTransport).connect(socket, { settings: http2Settings(settings) });
  const destinations = new Destinations(streams);
  const { signal } = new AbortController();
  return {
    receive: async (chunks) => {
      await fetchAll(streams, chunks, async (chunk) => {
        let memory: Destination | undefined;
        const { status, bodyBytes } = await connection.request({
          path: `/chunk?number=${chunk}`,
          signal,
          receive: () => (memory = destinations.take(chunk)),
        });
        if (memory !== undefined) destinations.give(memory);
        if (status !== 200 || bodyBytes !== DEFAULT_CHUNK_SIZE) throw new Error(`status ${status}, ${bodyBytes} bytes`);
      });
      return chunks * DEFAULT_CHUNK_SIZE;
    },
    check: () => destinations.check(),
    close: () => connection.close(),
  };
};

function http2Settings({ streamWindowBytes, connectionWindowBytes, frameBytes }: TransferSettings): Http2Settings {
  return {
    initialWindowSize: streamWindowBytes,
    connectionWindowSize: connectionWindowBytes,
    maxFrameSize: frameBytes,
  };
}
