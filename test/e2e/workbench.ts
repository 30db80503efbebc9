import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { summarise } from '../../src/analysis/summarise.ts';
import { Cache } from '../../src/cache/cache.ts';
import { monotonicClock } from '../../src/clock/monotonic.ts';
import { readRun } from '../../src/harness/read-run.ts';
import type { RunObserver } from '../../src/harness/run-observer.ts';
import { runScenario, type RunOutcome } from '../../src/harness/run-scenario.ts';
import { readScenarioFile } from '../../src/scenario/load-scenario.ts';
import { planTrials } from '../../src/scenario/plan.ts';
import { runCommandLine } from '../../src/cli/command-line.ts';
import type { ExitCode } from '../../src/model/errors.ts';
import type { Strategy } from '../../src/model/ports.ts';
import type { RunData } from '../../src/model/records.ts';
import type { Report } from '../../src/model/report.ts';

export interface CommandResult {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly interrupted?: AbortSignal;
  readonly onStderr?: (text: string) => void;
  readonly onStdout?: (text: string) => void;
  readonly stdin?: Iterable<string | Uint8Array>;
  /** Whether stdin is a terminal, at which somebody can be asked. */
  readonly isTerminal?: boolean;
}

const silent: RunObserver = {
  preparing() {},
  calibrated() {},
  trialStarted() {},
  trialProgress() {},
  trialEnded() {},
  warning() {},
};

/** The child process of this one that runs a module, e.g. `metrics/main`. */
export async function childRunning(module: string): Promise<number> {
  const children = (await readFile(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')).trim().split(' ');
  for (const pid of children) {
    if ((await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(module)) return Number(pid);
  }
  throw new Error(`no child process runs ${module}`);
}

/** A folder of its own with cache, state and scenarios, and the command line driven in this process. */
export class Workbench implements AsyncDisposable {
  readonly folder: string;
  readonly env: Record<string, string>;

  private constructor(folder: string) {
    this.folder = folder;
    this.env = { XDG_CACHE_HOME: join(folder, 'cache'), XDG_STATE_HOME: join(folder, 'state'), NO_COLOR: '1' };
  }

  static async open(): Promise<Workbench> {
    return new Workbench(await mkdtemp(join(tmpdir(), 'restorelab-e2e-')));
  }

  async command(
    args: readonly string[],
    { interrupted, onStderr, onStdout, stdin = [], isTerminal = false }: CommandOptions = {},
  ): Promise<CommandResult> {
    let stdout = '';
    let stderr = '';
    const exitCode = await runCommandLine({
      args,
      env: this.env,
      cwd: this.folder,
      home: this.folder,
      pid: process.pid,
      versions: process.versions,
      stdin: Object.assign(Readable.from(stdin), { isTTY: isTerminal }),
      stdout: {
        write: (text: string) => {
          stdout += text;
          onStdout?.(text);
        },
      },
      stderr: {
        write: (text: string) => {
          stderr += text;
          onStderr?.(text);
        },
      },
      interrupted: interrupted ?? new AbortController().signal,
    });
    return { exitCode, stdout, stderr };
  }

  /** Writes a scenario file: `formatVersion` and a small fast image unless the text has its own. */
  async scenario(name: string, lines: readonly string[]): Promise<string> {
    const text = lines.join('\n');
    const head = [
      'formatVersion: 1',
      `name: ${name}`,
      ...(/^ *(?:image|server):/mu.test(text)
        ? []
        : ['image: { size: 24 MiB, zeroShare: 10 %, compressionRatio: 1.5 }']),
    ];
    const file = join(this.folder, `${name}.yaml`);
    await writeFile(file, `${head.join('\n')}\n${text}\n`);
    return file;
  }

  /** Runs a scenario with parts of the caller's own, e.g. a strategy; what it measured is in the returned records. */
  async run(
    file: string,
    {
      strategy,
      observer = {},
      signal = new AbortController().signal,
    }: { readonly strategy?: Strategy; readonly observer?: Partial<RunObserver>; readonly signal?: AbortSignal } = {},
  ): Promise<{ readonly outcome: RunOutcome; readonly data: RunData; readonly report: Report }> {
    const scenario = await readScenarioFile(file);
    const outcome = await runScenario({
      scenario,
      plan: planTrials(scenario),
      out: join(this.folder, 'reports'),
      cache: new Cache(join(this.folder, 'cache')),
      certificateFolder: join(this.folder, 'certificate'),
      clientPid: process.pid,
      clock: monotonicClock(),
      tool: { name: 'restorelab', version: '0', node: process.version },
      versions: process.versions,
      observer: { ...silent, ...observer },
      ...(strategy === undefined ? {} : { findStrategy: () => strategy }),
      signal,
    });
    const data = await readRun(outcome.directory.path);
    return { outcome, data, report: summarise(data).report };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export const reportOf = ({ stdout }: CommandResult): Report => JSON.parse(stdout) as Report;
