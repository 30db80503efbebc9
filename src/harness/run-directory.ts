import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { makeFolder } from '../files/make-folder.ts';
import { asMachineError, MachineError, systemErrorCode } from '../model/errors.ts';
import type { RunRecord, TrialRecord } from '../model/records.ts';

/** Names inside a run directory; what each holds is documented in docs/records.md. */
export const runFiles = {
  run: 'run.json',
  trials: 'trials',
  samples: 'samples.jsonl',
  profile: 'profile/profile.json',
} as const;

/** Name of a trial's file: `trials/0003.json`. */
const trialFile = (index: number): string => join(runFiles.trials, `${String(index).padStart(4, '0')}.json`);

/** How many runs of one scenario may start in one second; more is a mistake of the caller. */
const MAX_SAME_NAME = 100;

/**
 * The folder of one run. Every file is complete or absent (written beside its place and renamed), so that a run that
 * is killed leaves everything it had measured.
 */
export class RunDirectory {
  /** Absolute. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Makes `<out>/<UTC time>-<scenario>/`.
   * @throws MachineError when the folder cannot be made, e.g. `reports` is not writable
   */
  static async create(
    out: string,
    scenarioName: string,
    startedAt: Date,
    { hasTrials = true }: { readonly hasTrials?: boolean } = {},
  ): Promise<RunDirectory> {
    const stem = `${startedAt.toISOString().slice(0, 19).replaceAll(':', '-')}Z-${scenarioName.replaceAll(/[^\w.-]+/gu, '-')}`;
    const folder = resolve(out);
    const doing = `cannot make the run directory in ${folder}`;
    const hint = 'choose another folder with --out';
    await makeFolder(folder, { doing, hint });
    try {
      for (let attempt = 1; ; attempt += 1) {
        const path = join(folder, attempt === 1 ? stem : `${stem}-${attempt}`);
        try {
          await mkdir(path);
          if (hasTrials) await mkdir(join(path, runFiles.trials));
          return new RunDirectory(path);
        } catch (error) {
          if (systemErrorCode(error) !== 'EEXIST' || attempt === MAX_SAME_NAME) throw error;
        }
      }
    } catch (error) {
      const known = asMachineError(error, doing);
      if (known instanceof MachineError || systemErrorCode(error) === undefined) throw known;
      // Whatever else the system says (the name is too long), the remedy is the same.
      throw new MachineError(`${doing}: ${(error as Error).message}`, {
        code: 'reports-not-writable',
        hint,
        cause: error,
      });
    }
  }

  /** A run directory that is there already. */
  static at(path: string): RunDirectory {
    return new RunDirectory(resolve(path));
  }

  get samplesFile(): string {
    return join(this.path, runFiles.samples);
  }

  async writeRun(record: RunRecord): Promise<void> {
    await this.write(runFiles.run, `${JSON.stringify(record, null, 2)}\n`);
  }

  async writeTrial(record: TrialRecord): Promise<void> {
    await this.write(trialFile(record.index), `${JSON.stringify(record)}\n`);
  }

  /** @throws MachineError when the disk is full or not writable */
  async write(name: string, text: string): Promise<void> {
    const path = join(this.path, name);
    try {
      await writeFile(`${path}.partial`, text);
      await rename(`${path}.partial`, path);
    } catch (error) {
      throw asMachineError(error, `cannot write ${path}`);
    }
  }
}
