import { nodeHttp2ClientTransport } from '../../../src/pbs/client/node-http2-transport.ts';
import type { ClientTransport, Http2Settings } from '../../../src/pbs/transport/transport.ts';
import { DEFAULT_CHUNK_SIZE } from '../../../src/model/units.ts';
import type { TransferSettings } from './control.ts';
import { Destinations, fetchAll } from './destinations.ts';
import type { OpenReceiver } from './receiver-port.ts';
import { connectTls } from './tls.ts';

const transport: ClientTransport = nodeHttp2ClientTransport;

/** The product's own transport, through the interface that a reader session uses. */
export const openHttp2Receiver: OpenReceiver = async ({ port, streams, settings }) => {
  const socket = await connectTls(port, transport.prepareSocket?.(() => {}));
  const connection = transport.connect(socket, { settings: http2Settings(settings) });
  const destinations = new Destinations(streams);
  const { signal } = new AbortController();
  return {
    receive: async (chunks) => {
      let bytes = 0;
      await fetchAll(streams, chunks, async (stream, chunk) => {
        const { status, bodyBytes } = await connection.request({
          path: `/chunk?number=${chunk}`,
          signal,
          receive: () => destinations.take(stream, chunk),
        });
        if (status !== 200 || bodyBytes !== DEFAULT_CHUNK_SIZE) throw new Error(`status ${status}, ${bodyBytes} bytes`);
        bytes += bodyBytes;
      });
      return bytes;
    },
    check: () => destinations.check(),
    close: () => connection.close(),
  };
};

export function http2Settings({ streamWindowBytes, connectionWindowBytes, frameBytes }: TransferSettings): Http2Settings {
  return {
    initialWindowSize: streamWindowBytes,
    connectionWindowSize: connectionWindowBytes,
    maxFrameSize: frameBytes,
  };
}
