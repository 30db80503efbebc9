import { homedir } from 'node:os';

import { runCommandLine } from './cli/command-line.ts';
import { exitCodes, InterruptedError } from './model/errors.ts';
import { collectLessOften } from './process/collect-less-often.ts';

collectLessOften();

const controller = new AbortController();

/** The first signal asks for an orderly end that saves what was measured, the second ends at once. */
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    const exitCode = signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated;
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort(new InterruptedError(signal));
  });
}
// A reader that closes early (`restorelab report DIR | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? exitCodes.fine : exitCodes.machine),
);

process.exitCode = await runCommandLine({
  args: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  home: homedir(),
  pid: process.pid,
  versions: process.versions,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  interrupted: controller.signal,
});
// Nothing is left to wait for; a handle that a library keeps open must not keep the terminal.
process.exit();
