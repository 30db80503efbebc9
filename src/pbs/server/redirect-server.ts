import { createServer, type Server } from 'node:http';

/** What a client gets that speaks plain HTTP to the TLS port: the way to https, without the path (observed). */
export function createRedirectServer(): Server {
  const server = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 });
  server.on('request', ({ method, headers }, response) => {
    response.on('error', () => {});
    response.sendDate = false;
    response.removeHeader('connection');
    // There is nothing else to be had here, and a body that nobody reads must not keep the connection.
    response.shouldKeepAlive = false;
    response.writeHead(method === 'GET' || method === 'HEAD' ? 301 : 308, {
      location: `https://${headers.host ?? '127.0.0.1'}`,
      'content-length': '0',
      date: new Date().toUTCString(),
    });
    response.end();
  });
  return server;
}
