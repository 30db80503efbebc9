import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { z } from 'zod';

import { placesFrom } from '../cache/places.ts';
import { preciseClock } from '../clock/precise.ts';
import { asMachineError, exitCodes, type ExitCode } from '../model/errors.ts';
import { openDatastore } from '../pbs/datastore/open-datastore.ts';
import { startEmbeddedServer } from '../pbs/server/start-embedded-server.ts';
import type { Command } from './command.ts';
import type { Edge } from './edge.ts';
import { parseArgv } from './parse-argv.ts';

const USER_ID = 'root@pam';
const DEFAULT_PORT = 8007;

export const serveCommand: Command = {
  usage: 'serve',
  summary: 'Serve a datastore folder to PBS clients on this machine (restores only)',
  examples: [
    ['serve --datastore /mnt/datastore/tank', 'On 127.0.0.1:8007, until Ctrl-C'],
    ['serve --datastore ./store --store tank --port 0', 'Under the name tank, on a free port'],
  ],
  positionals: {},
  options: {
    datastore: { type: 'string', demandOption: true, describe: 'Folder of the datastore (holds .chunks)' },
    store: { type: 'string', default: 'store', describe: 'Name under which clients find it' },
    port: { type: 'number', default: DEFAULT_PORT, describe: 'Port on 127.0.0.1; 0 takes a free one' },
  },
  async run(argv, edge): Promise<ExitCode> {
    const { datastore, store, port } = parseArgv(argv, {
      datastore: z.string('can be given once'),
      store: z
        .string()
        .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{2,31}$/u, 'must be 3 to 32 letters, digits, dots, dashes or underscores'),
      port: z.int('must be a whole number').min(0).max(65_535, 'must be 65535 or less'),
    });
    const path = resolve(edge.cwd, datastore);
    const opened = await openDatastore(path);
    const places = placesFrom(edge.env, edge.home);
    const { secret, origin } = await passwordFor(edge, places.state);
    await using server = await startEmbeddedServer({
      clock: preciseClock(),
      port,
      userId: USER_ID,
      secret,
      certificateFolder: join(places.state, 'certificate'),
    });
    server.mount({ store, path: opened.path });
    edge.stdout.write(`Serving ${path}\n`);
    edge.stdout.write(`  repository   ${USER_ID}@127.0.0.1:${server.port}:${store}\n`);
    edge.stdout.write(`  fingerprint  ${server.fingerprint}\n`);
    edge.stdout.write(`  password     ${origin}\n`);
    edge.stdout.write('Ctrl-C ends it when the requests under way are answered.\n');
    if (!edge.interrupted.aborted) await once(edge.interrupted, 'abort');
    await server.shutdown();
    return exitCodes.fine;
  },
};

/** A password is never printed: it comes from the environment, or goes into a file that only its owner can read. */
async function passwordFor(edge: Edge, stateFolder: string): Promise<{ secret: string; origin: string }> {
  const given = edge.env['PBS_PASSWORD'];
  if (given !== undefined && given !== '') return { secret: given, origin: 'that of PBS_PASSWORD' };
  const secret = randomBytes(24).toString('base64url');
  const file = join(stateFolder, 'serve-password');
  try {
    await mkdir(stateFolder, { recursive: true, mode: 0o700 });
    await writeFile(file, `${secret}\n`, { mode: 0o600 });
  } catch (error) {
    throw asMachineError(error, `cannot write the password to ${file}`);
  }
  return { secret, origin: `in ${file} (new for each start; set PBS_PASSWORD to choose one)` };
}
