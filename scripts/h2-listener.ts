// A developer's listener for tools that test HTTP/2 ends: TLS on 127.0.0.1 with ALPN h2, no login and no upgrade. Prints
// its port as one line of JSON and ends with SIGTERM, SIGINT or the end of its input.
//
//     node scripts/h2-listener.ts [--transport h2|node:http2] [--folder FOLDER]
import { parseArgs } from 'node:util';

import { transports } from '../src/pbs/transport/transports.ts';
import { H2Listener, staticFiles } from '../test/pbs/h2/h2-listener.ts';

const { values } = parseArgs({
  options: { transport: { type: 'string', default: 'h2' }, folder: { type: 'string' } },
});
const names = Object.keys(transports);
const transport = Object.values(transports).find(({ server }) => server.name === values.transport)?.server;
if (transport === undefined) {
  console.error(`--transport is one of ${names.join(', ')}`);
  process.exit(2);
}
await using listener = await H2Listener.start({ transport, handler: staticFiles(values.folder) });
console.log(JSON.stringify({ port: listener.port, transport: transport.name }));
await new Promise<void>((resolve) => {
  process.once('SIGTERM', resolve).once('SIGINT', resolve);
  process.stdin.once('end', resolve).once('error', resolve).resume();
});
process.stdin.destroy();
