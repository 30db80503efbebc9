import { once } from 'node:events';
import { join, resolve } from 'node:path';

import { z } from 'zod';

import { Cache } from '../cache/cache.ts';
import { placesFrom } from '../cache/places.ts';
import { preciseClock } from '../clock/precise.ts';
import { serveCase } from '../harness/serve-case.ts';
import type { CaseSettings } from '../model/environment.ts';
import { exitCodes, UsageError, type ExitCode } from '../model/errors.ts';
import { makeDatastoreOfEmptyFolder } from '../pbs/datastore/make-datastore-of-empty-folder.ts';
import { hashSecret } from '../pbs/server/access/stored-secret.ts';
import { withByteProgress } from './byte-progress.ts';
import { checkDatastores } from './check-datastores.ts';
import type { Command } from './command.ts';
import { describeServed } from './describe-served.ts';
import type { Edge } from './edge.ts';
import { findScenario } from './find-scenario.ts';
import { parseArgv } from './parse-argv.ts';
import { placeSecret, serveLogin } from './serve-login.ts';

const DEFAULT_PORT = 8007;

export const serveCommand: Command = {
  examples: [
    ['serve --datastore /mnt/datastore/tank', 'On 127.0.0.1:8007, until Ctrl-C'],
    ['serve --datastore ./store --store tank --port 0', 'Under the name tank, on a free port'],
    ['serve --scenario wan-25ms', 'The image of a scenario behind its link, from its disk'],
    ['serve --scenario slow-disk --datastore ./store', 'Its link and disk, with a datastore of yours'],
    ['serve --datastore ./store --users users.yaml', 'Users, API tokens and permissions from a file'],
    ['serve --hash-secret < secret.txt', 'What to write into that file instead of a secret'],
  ],
  positionals: {},
  options: {
    datastore: {
      type: 'string',
      describe: 'Folder of the datastore (holds .chunks); an empty one becomes a datastore',
    },
    'read-only': { type: 'boolean', default: false, describe: 'Refuse backups, and to forget snapshots' },
    scenario: { type: 'string', describe: 'Scenario whose link, storage and image clients get: a file or a name' },
    case: { type: 'number', default: 1, describe: 'Which case of the scenario, where it has a matrix' },
    store: { type: 'string', default: 'store', describe: 'Name under which clients find it' },
    port: { type: 'number', default: DEFAULT_PORT, describe: 'Port on 127.0.0.1; 0 takes a free one' },
    users: { type: 'string', describe: 'File of users, API tokens and permissions (docs/serve.md)' },
    'hash-secret': { type: 'boolean', default: false, describe: 'Read a secret from stdin, print its hash and end' },
  },
  async run(argv, edge): Promise<ExitCode> {
    const { store, port, ...options } = parseArgv(argv, {
      datastore: z.string('can be given once').optional(),
      'read-only': z.boolean(),
      scenario: z.string('can be given once').optional(),
      case: z.int('must be a whole number').min(1, 'must be 1 or more'),
      store: z
        .string()
        .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{2,31}$/u, 'must be 3 to 32 letters, digits, dots, dashes or underscores'),
      port: z.int('must be a whole number').min(0).max(65_535, 'must be 65535 or less'),
      users: z.string('can be given once').optional(),
      'hash-secret': z.boolean(),
    });
    if (options['hash-secret']) {
      edge.stdout.write(`${await hashSecret(await firstLine(edge))}\n`);
      return exitCodes.fine;
    }
    if (options.datastore === undefined && options.scenario === undefined)
      throw new UsageError('--datastore or --scenario is missing', {
        code: 'usage',
        hint: 'see `restorelab serve --help`',
      });
    const settings =
      options.scenario === undefined
        ? undefined
        : await chosenCase(options.scenario, options.case, edge, options.datastore === undefined);
    const places = placesFrom(edge.env, edge.home);
    const login = await serveLogin({ users: options.users, edge });
    const warn = (sentence: string): void => void edge.stderr.write(`warning: ${sentence}\n`);
    for (const sentence of login.warnings) warn(sentence);
    const datastore = options.datastore === undefined ? undefined : resolve(edge.cwd, options.datastore);
    if (datastore !== undefined && !options['read-only'] && (await makeDatastoreOfEmptyFolder(datastore)))
      edge.stderr.write(`${datastore} was empty, and is a datastore now\n`);
    const clock = preciseClock();
    await using served = await withByteProgress(
      edge,
      { what: 'generating the image', clock },
      async (onProgress) =>
        await serveCase({
          settings,
          datastore,
          isReadOnly: options['read-only'],
          store,
          listen: { port, certificateFolder: join(places.state, 'certificate'), ...login.who },
          lockFolder: join(places.state, 'locks'),
          cache: new Cache(places.cache),
          clock,
          signal: edge.interrupted,
          onProgress,
          onWarning: warn,
        }),
    );
    await using password = await placeSecret(login.secret, served.port, places.state);
    edge.stdout.write(describeServed({ served, store, settings, authId: login.authId, password }));
    if (!edge.interrupted.aborted) await once(edge.interrupted, 'abort');
    await served.shutdown();
    return exitCodes.fine;
  },
};

/** @throws UsageError where there is no such case, or what it names is not there */
async function chosenCase(name: string, number: number, edge: Edge, needsImage: boolean): Promise<CaseSettings> {
  const scenario = await findScenario(name, edge.cwd);
  const settings = scenario.cases[number - 1];
  if (settings === undefined)
    throw new UsageError(`${scenario.name} has no case ${number}`, {
      code: 'usage',
      hint: `it has ${scenario.cases.length}: \`restorelab run ${name} --dry-run\` lists them`,
    });
  if (needsImage) await checkDatastores({ ...scenario, cases: [settings] });
  return settings;
}

/** Of standard input, without its line end. */
async function firstLine({ stdin, stderr }: Edge): Promise<string> {
  if (stdin.isTTY === true) stderr.write('Secret (it is shown while you type): ');
  let text = '';
  for await (const piece of stdin) {
    text += String(piece);
    if (text.includes('\n')) break;
  }
  const [line = ''] = text.split(/\r?\n/u, 1);
  if (line === '')
    throw new UsageError('there is no secret on standard input', { code: 'usage', hint: 'write it as the first line' });
  return line;
}
