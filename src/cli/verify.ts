import { resolve } from 'node:path';

import { z } from 'zod';

import { monotonicClock } from '../clock/monotonic.ts';
import { exitCodes, InterruptedError, type ExitCode } from '../model/errors.ts';
import { MAX_VERIFY_THREADS, readingOrders, type VerifySettings } from '../model/verify.ts';
import { openDatastore } from '../pbs/datastore/open-datastore.ts';
import { LiveRegion } from '../ui/live-region.ts';
import { formatProgress } from '../ui/progress.ts';
import { recordVerify } from '../verify/record-verify.ts';
import type { VerifyProgress } from '../verify/verify-datastore.ts';
import type { Command } from './command.ts';
import { parseArgv } from './parse-argv.ts';
import { readKey } from './read-key.ts';
import { renderVerify } from './render-verify.ts';
import { tool } from './tool.ts';

/** What is over sooner needs no progress. */
const SHOW_AFTER_MS = 2000;

const threadCount = z
  .int('must be a whole number')
  .min(1, 'must be 1 or more')
  .max(MAX_VERIFY_THREADS, `must be ${MAX_VERIFY_THREADS} or less`);

export const verifyCommand: Command = {
  examples: [
    [
      'verify /mnt/datastore/tank',
      'Every snapshot of every namespace, each chunk once; with --ns of one and those below',
    ],
    ['verify /mnt/datastore/tank vm/100/2026-02-16T16:30:44Z', 'One snapshot'],
    ['verify /mnt/datastore/tank --read-threads 16', 'Read 16 chunks at a time: is it the waiting for the disk?'],
    ['verify ./store --keyfile key.json', 'Check the contents of encrypted chunks too, and signatures'],
    ['verify ./store --order index --json', 'Read in the order of the indexes; the result for programs'],
  ],
  positionals: {
    datastore: { type: 'string', describe: 'Folder of the datastore (holds .chunks)', demandOption: true },
    snapshot: { type: 'string', describe: 'type/id/time, e.g. vm/100/2026-02-16T16:30:44Z; all without it' },
  },
  options: {
    ns: { type: 'string', describe: 'Namespace, as in a/b; without a snapshot it and all below it' },
    'read-threads': {
      type: 'number',
      default: 1,
      describe: 'Chunks read at a time, as the option of PBS of that name',
    },
    'verify-threads': { type: 'number', default: 4, describe: 'Chunks checked at a time, likewise' },
    order: {
      choices: readingOrders,
      default: 'inode',
      describe: 'Of the chunks of an archive: by inode number, as PBS reads them, or as the index names them',
    },
    keyfile: { type: 'string', describe: 'Encryption key; its password from PBS_ENCRYPTION_PASSWORD' },
    out: { type: 'string', default: 'reports', describe: 'Folder in which the directory of the verify is made' },
    json: { type: 'boolean', default: false, describe: 'Print report.json and nothing else on stdout' },
  },
  async run(argv, edge): Promise<ExitCode> {
    const options = parseArgv(argv, {
      datastore: z.string(),
      snapshot: z.string().optional(),
      ns: z.string('can be given once').optional(),
      'read-threads': threadCount,
      'verify-threads': threadCount,
      order: z.enum(readingOrders, 'can be given once'),
      keyfile: z.string('can be given once').optional(),
      out: z.string('can be given once'),
      json: z.boolean(),
    });
    const clock = monotonicClock();
    const datastore = await openDatastore(resolve(edge.cwd, options.datastore), options.ns);
    const crypt = options.keyfile === undefined ? {} : { crypt: await readKey(options.keyfile, edge) };
    using region = new LiveRegion({ stream: edge.stderr, env: edge.env, clock });
    let sinceMs = clock.now();
    let step: VerifyProgress['step'] = 'indexes';
    const threads = { readThreads: options['read-threads'], verifyThreads: options['verify-threads'] };
    const settings: VerifySettings = {
      datastore: datastore.path,
      ...(options.ns === undefined ? {} : { namespace: options.ns }),
      ...(options.snapshot === undefined ? {} : { snapshot: options.snapshot }),
      ...threads,
      order: options.order,
      ...(crypt.crypt === undefined ? {} : { keyFingerprint: crypt.crypt.fingerprint }),
    };
    const { directory, ...data } = await recordVerify({
      settings,
      datastore,
      ...(options.snapshot === undefined ? {} : { snapshot: options.snapshot }),
      ...threads,
      order: options.order,
      ...crypt,
      out: resolve(edge.cwd, options.out),
      pid: edge.pid,
      tool: { ...tool, node: `v${edge.versions['node'] ?? 'unknown'}` },
      versions: edge.versions,
      clock,
      signal: edge.interrupted,
      onProgress: (progress) => {
        if (progress.step !== step) sinceMs = clock.now();
        step = progress.step;
        const elapsedMs = clock.now() - sinceMs;
        if (elapsedMs < SHOW_AFTER_MS || !region.isDue) return;
        region.update([progressLine(progress, elapsedMs)]);
      },
    });
    region.end();
    const report = await renderVerify(data, directory.path, edge, { isJson: options.json });
    edge.stderr.write(`\nReport: ${directory.path}\n`);
    if (report.status === 'interrupted' && edge.interrupted.reason instanceof InterruptedError) {
      edge.stderr.write('Interrupted: what was found until then is saved.\n');
      return edge.interrupted.reason.exitCode;
    }
    return report.problems.length > 0 ? exitCodes.failed : exitCodes.fine;
  },
};

function progressLine(progress: VerifyProgress, elapsedMs: number): string {
  if (progress.step === 'indexes')
    return `reading indexes  ${progress.snapshots} of ${progress.totalSnapshots} snapshots`;
  const { doneBytes, totalBytes } = progress;
  return `verifying chunks  ${formatProgress({ doneBytes, totalBytes, elapsedMs, rateName: 'unique' })}`;
}
