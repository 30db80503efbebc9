import { homedir } from 'node:os';

import { runCommandLine } from './cli/command-line.ts';
import { printError } from './cli/print-error.ts';
import { asMachineError, exitCodes, InterruptedError, type ExitCode } from './model/errors.ts';
import { collectLessOften } from './process/collect-less-often.ts';
import { keepYoungMemorySmall } from './process/keep-young-memory-small.ts';
import { ProcessOutput } from './process/process-output.ts';

collectLessOften();
keepYoungMemorySmall();

const controller = new AbortController();
const stdout = new ProcessOutput(process.stdout);
const stderr = new ProcessOutput(process.stderr);

/** npx hands a Ctrl-C on that the terminal has sent to this process already: the two are one. */
const SAME_SIGNAL_MS = 300;
let firstSignalMs = 0;

/** The first signal asks for an orderly end that saves what was measured, the second ends at once. */
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    const exitCode = signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated;
    if (controller.signal.aborted) {
      if (performance.now() - firstSignalMs > SAME_SIGNAL_MS) process.exit(exitCode);
      return;
    }
    firstSignalMs = performance.now();
    controller.abort(new InterruptedError(signal));
  });
}

/** Ends this process when its reader has everything; a handle that a library keeps open must not keep the terminal. */
async function exit(exitCode: ExitCode): Promise<never> {
  await Promise.all([stdout.drained(), stderr.drained()]);
  process.exit(exitCode);
}

let hasFailed = false;
/** What nobody caught is a mistake of ours, whatever its class. */
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    if (hasFailed) return;
    hasFailed = true;
    printError(error, { stderr });
    void exit(exitCodes.internal);
  });
}

let exitCode = await runCommandLine({
  args: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  home: homedir(),
  pid: process.pid,
  versions: process.versions,
  stdin: process.stdin,
  stdout,
  outputDescriptor: process.stdout.fd,
  stderr,
  interrupted: controller.signal,
});
await stdout.drained();
if (stdout.failure !== undefined) {
  const lost = printError(asMachineError(stdout.failure, 'writing to stdout'), { stderr });
  if (exitCode === exitCodes.fine) exitCode = lost;
}
if (!hasFailed) await exit(exitCode);
