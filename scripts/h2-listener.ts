// A developer's listener for tools that test HTTP/2 ends: TLS on 127.0.0.1 with ALPN h2, no login and no upgrade. Prints
// its port as one line of JSON and ends with SIGTERM, SIGINT or the end of its input.
//
//     node scripts/h2-listener.ts [--transport h2|node:http2] [--folder FOLDER]
import { parseArgs } from 'node:util';

import { H2Listener, staticFiles } from '../test/pbs/h2/h2-listener.ts';
import { serverTransports } from '../test/pbs/h2/transports.ts';

const { values } = parseArgs({
  options: { transport: { type: 'string', default: 'h2' }, folder: { type: 'string' } },
});
const transport = serverTransports.find(({ name }) => name === values.transport);
if (transport === undefined) {
  console.error(`--transport is one of ${serverTransports.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
await using listener = await H2Listener.start({ transport, handler: staticFiles(values.folder) });
console.log(JSON.stringify({ port: listener.port, transport: transport.name }));
await new Promise<void>((resolve) => {
  process.once('SIGTERM', resolve).once('SIGINT', resolve);
  process.stdin.once('end', resolve).once('error', resolve).resume();
});
process.stdin.destroy();
