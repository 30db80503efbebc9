import type { RunObserver } from '../harness/run-observer.ts';
import { timeBudget } from '../harness/time-budget.ts';
import type { LinkSettings } from '../model/environment.ts';
import { metricValue } from '../model/metric.ts';
import type { Clock } from '../model/ports.ts';
import type { LinkCalibration, PlannedTrial, RecordedWarning, TrialRecord } from '../model/records.ts';
import { formatDuration, formatRate } from '../model/units.ts';
import type { Scenario } from '../scenario/load-scenario.ts';
import { LiveRegion } from '../ui/live-region.ts';
import { formatBar, formatProgress } from '../ui/progress.ts';
import { styleFor, type Style } from '../ui/style.ts';
import type { Edge } from './edge.ts';

/** Preparations shorter than this are over before they could be read. */
const SHOW_AFTER_MS = 2000;

export interface RunProgressOptions {
  readonly scenario: Scenario;
  readonly plan: readonly PlannedTrial[];
  readonly edge: Edge;
  readonly clock: Clock;
}

/** Shows a run while it goes on, on stderr: running estimates of each strategy, the trial in progress, the time left. */
export class RunProgress implements RunObserver, Disposable {
  readonly #options: RunProgressOptions;
  readonly #region: LiveRegion;
  readonly #style: Style;
  /** Data rates of measured trials, by case and strategy. */
  readonly #rates: Map<string, number[]> = new Map();
  /** Durations of finished trials, by case and strategy: what the ones to come will take. */
  readonly #durations: Map<string, number[]> = new Map();
  #preparing: { readonly what: string; readonly sinceMs: number } | undefined;
  #trialSinceMs = 0;
  #firstTrialMs: number | undefined;
  #finished = 0;

  constructor(options: RunProgressOptions) {
    const { edge, clock } = options;
    this.#options = options;
    this.#region = new LiveRegion({ stream: edge.stderr, env: edge.env, clock });
    this.#style = styleFor(edge.stderr, edge.env);
    this.#region.print(this.#style.bold(`${options.scenario.name}: ${options.plan.length} trials`));
  }

  preparing(what: string, progress?: { readonly doneBytes: number; readonly totalBytes: number }): void {
    const now = this.#options.clock.now();
    if (this.#preparing?.what !== what) this.#preparing = { what, sinceMs: now };
    const elapsedMs = now - this.#preparing.sinceMs;
    if (progress === undefined) this.#region.update([what], '');
    else if (elapsedMs >= SHOW_AFTER_MS || progress.doneBytes < progress.totalBytes) {
      this.#region.update([`${what}  ${formatProgress({ ...progress, elapsedMs })}`]);
    }
  }

  calibrated(caseIndex: number, asked: LinkSettings, { roundTripMs, rateBytesPerSecond }: LinkCalibration): void {
    const rate = metricValue(rateBytesPerSecond);
    const asks = `${asked.roundTripMs === 0 ? 'no delay' : formatDuration(asked.roundTripMs)}${asked.rateBytesPerSecond === undefined ? '' : ` at ${formatRate(asked.rateBytesPerSecond)}`}`;
    this.#region.print(
      this.#style.dim(
        `link${this.#caseName(caseIndex)}: asked ${asks}; measured ${formatDuration(roundTripMs.median)} (p95 ${formatDuration(roundTripMs.p95)})` +
          (rate === undefined ? '' : `, ${formatRate(rate)}`),
      ),
    );
  }

  trialStarted(planned: PlannedTrial): void {
    this.#preparing = undefined;
    this.#trialSinceMs = this.#options.clock.now();
    this.#firstTrialMs ??= this.#trialSinceMs;
    this.#showTrial(planned, 0, 0);
  }

  /** Called for every chunk inside of what is timed: most calls must cost next to nothing. */
  trialProgress(planned: PlannedTrial, doneBytes: number, totalBytes: number): void {
    if (this.#region.isDue) this.#showTrial(planned, doneBytes, totalBytes);
  }

  #showTrial(planned: PlannedTrial, doneBytes: number, totalBytes: number): void {
    const elapsedMs = this.#options.clock.now() - this.#trialSinceMs;
    const total = this.#options.plan.length;
    const name = `${planned.strategy}${this.#caseName(planned.case)}`;
    const left = this.#remainingMs(planned, elapsedMs);
    const overall = `${formatBar(this.#finished / total)} trial ${planned.index + 1} of ${total}${left === undefined ? '' : `, about ${formatDuration(left)} left`}`;
    this.#region.update(
      [
        overall,
        `${name}${planned.warmUp ? ' (warm-up)' : ''}  ${formatProgress({ doneBytes, totalBytes, elapsedMs, rateName: 'logical', barCells: 10 })}`,
        ...this.#estimates(),
      ],
      `${overall}: ${name}`,
    );
  }

  trialEnded(record: TrialRecord): void {
    this.#finished += 1;
    const key = `${record.strategy}${this.#caseName(record.case)}`;
    if (record.status === 'failed') {
      this.#region.print(
        this.#style.red(
          `trial ${record.index + 1} (${key}) failed: ${record.error?.message.split('\n')[0] ?? 'unknown cause'}`,
        ),
      );
    } else if (record.verified === false) {
      this.#region.print(
        this.#style.red(
          `trial ${record.index + 1} (${key}): restored bytes differ: ${record.proof?.problems[0] ?? 'unknown difference'}`,
        ),
      );
    }
    if (record.status !== 'completed' || record.durationMs === undefined || record.bytes === undefined) return;
    addTo(this.#durations, key, record.durationMs);
    if (!record.warmUp && record.verified === true)
      addTo(this.#rates, key, record.bytes.data / (record.durationMs / 1000));
  }

  warning({ sentence }: RecordedWarning): void {
    this.#region.print(this.#style.yellow(`warning: ${sentence}`));
  }

  [Symbol.dispose](): void {
    this.#region.end();
  }

  #caseName(index: number): string {
    const { cases } = this.#options.scenario;
    const parameters = Object.entries(cases[index]?.parameters ?? {});
    if (cases.length < 2) return '';
    return ` [${parameters.map(([name, value]) => `${name.split('.').at(-1) ?? name} ${String(value)}`).join(', ') || index + 1}]`;
  }

  #estimates(): string[] {
    return [...this.#rates].map(([key, rates]) => {
      const sorted = rates.toSorted((a, b) => a - b);
      return this.#style.dim(
        `  ${key}: ${formatRate(sorted[Math.floor(sorted.length / 2)] ?? 0)} data, ${rates.length} measured`,
      );
    });
  }

  /** Undefined until every kind of trial has been seen once: before that an estimate would be a guess. */
  #remainingMs(current: PlannedTrial, elapsedMs: number): number | undefined {
    const { plan, scenario, clock } = this.#options;
    const spentMs = clock.now() - (this.#firstTrialMs ?? clock.now());
    const isRun = timeBudget(plan, scenario.trials.timeBudgetMs);
    // Its block has begun.
    isRun(current, -Infinity);
    let left = 0;
    for (const planned of plan.slice(current.index)) {
      if (planned !== current && !isRun(planned, spentMs + left)) continue;
      const durations = this.#durations.get(`${planned.strategy}${this.#caseName(planned.case)}`);
      if (durations === undefined) return undefined;
      left += durations.reduce((sum, duration) => sum + duration, 0) / durations.length;
      if (planned === current) left = Math.max(0, left - elapsedMs);
    }
    return left;
  }
}

function addTo(map: Map<string, number[]>, key: string, value: number): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
