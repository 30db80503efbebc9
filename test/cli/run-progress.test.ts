import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';

import type { Edge } from '../../src/cli/edge.ts';
import { RunProgress } from '../../src/cli/run-progress.ts';
import type { Clock } from '../../src/model/ports.ts';
import type { PlannedTrial, TrialRecord } from '../../src/model/records.ts';
import { loadScenario } from '../../src/scenario/load-scenario.ts';
import { planTrials } from '../../src/scenario/plan.ts';

const MB = 1e6;

/** A run shown on a terminal, with a clock that the test sets. */
function shownRun(trials: string): {
  readonly plan: readonly PlannedTrial[];
  readonly progress: RunProgress;
  readonly at: (ms: number) => void;
  readonly screen: () => string;
} {
  const scenario = loadScenario(
    `formatVersion: 1\nname: shown\nstrategies: [ { name: sequential }, { name: window-unordered } ]\ntrials: ${trials}\n`,
    { file: 'shown.yaml', folder: '/' },
  );
  const plan = planTrials(scenario);
  let now = 0;
  let written = '';
  const clock: Clock = { now: () => now, sleep: () => Promise.reject(new Error('no')) };
  const edge: Edge = {
    args: [],
    env: { NO_COLOR: '1' },
    cwd: '/',
    home: '/',
    pid: 0,
    versions: {},
    stdin: Readable.from([]),
    stdout: { write: () => {} },
    stderr: { write: (text) => (written += text), isTTY: true, columns: 160 },
    interrupted: new AbortController().signal,
  };
  return {
    plan,
    progress: new RunProgress({ scenario, plan, edge, clock }),
    at: (ms) => (now = ms),
    screen() {
      const shown = written;
      written = '';
      return shown;
    },
  };
}

const completed = (planned: PlannedTrial, durationMs: number): TrialRecord => ({
  ...planned,
  formatVersion: 1,
  status: 'completed',
  verified: true,
  durationMs,
  bytes: { logical: MB, data: MB, unique: MB, wire: MB },
});

test('the live line names its rate, and is made only when it would be seen', () => {
  const { plan, progress, at, screen } = shownRun('{ repeats: 1, warmUp: 0 }');
  const [first] = plan;
  assert.ok(first !== undefined);
  progress.trialStarted(first);
  screen();
  at(1000);
  progress.trialProgress(first, 250 * MB, 1000 * MB);
  assert.match(screen(), /250 MB\/s logical/u);
  // `totalBytes` of an unprintable value: nothing of it is looked at before the next redraw is due.
  const unseen = {
    valueOf(): number {
      throw new Error('made a line that nobody sees');
    },
  };
  at(1050);
  progress.trialProgress(first, unseen as unknown as number, 1000 * MB);
  assert.equal(screen(), '');
});

test('the time left of a grouped run with a time budget counts the first trial of every strategy, and no more', () => {
  const { plan, progress, at, screen } = shownRun('{ repeats: 3, warmUp: 1, order: grouped, timeBudget: 10 s }');
  const trial = (index: number): PlannedTrial => plan[index] ?? assert.fail();
  at(0);
  progress.trialStarted(trial(0));
  at(12_000);
  progress.trialEnded(completed(trial(0), 12_000));
  progress.trialEnded(completed(trial(4), 2000));
  screen();
  // The budget is used up: this trial, and warm-up and first measured trial of the other strategy.
  progress.trialStarted(trial(1));
  at(13_000);
  progress.trialProgress(trial(1), 0, 1000 * MB);
  assert.match(screen(), /about 15\.?0? s left/u);
});
