import type { RealServerSettings } from '../model/environment.ts';
import type { ProfileRecord, ProfileReport } from '../model/profile.ts';
import type { RunData } from '../model/records.ts';
import type { CaseReport, Report } from '../model/report.ts';
import { reportFormatVersion } from '../model/report.ts';
import { compare } from './compare.ts';
import { evaluateObjectives } from './evaluate-objectives.ts';
import { measuredTrials, trialsOf } from './measured-trials.ts';
import { describeMethods } from './methods.ts';
import { summariseStrategy } from './summarise-strategy.ts';
import { pageCacheOf } from './page-cache.ts';
import { useTable } from './use/use-table.ts';
import { judge } from './verdict.ts';
import { drawWaterfall, type Waterfall } from './waterfall.ts';
import { findWarnings } from './warnings.ts';

/** Everything that the renderers need. */
export interface Analysis {
  /** What report.json holds. */
  readonly report: Report;
  /** Per case, in the order of `report.cases`: the first chunks of a typical trial of each strategy that has any. */
  readonly waterfalls: readonly (readonly Waterfall[])[];
}

/**
 * Recomputes every figure of a run from its records; pure. Works on runs that were interrupted or whose trials failed:
 * what could not be measured is unavailable with a reason.
 */
export function summarise(data: RunData): Analysis {
  const { run } = data;
  const cases = run.cases.map((_, index) => summariseCase(data, index));
  const [first] = cases;
  const report: Report = {
    formatVersion: reportFormatVersion,
    tool: run.tool,
    mode: run.mode,
    scenario: {
      name: run.scenario.name,
      sha256: run.scenario.sha256,
      file: run.scenario.file,
      ...(run.scenario.description === undefined ? {} : { description: run.scenario.description }),
    },
    host: run.host,
    startedAt: run.startedAt,
    status: run.status,
    verdict: first?.verdict ?? {
      code: 'inconclusive',
      sentence: `The run has no case to judge${run.error === undefined ? '' : `: ${run.error.message}`}.`,
      strategy: 'none',
      evidence: [],
      next: run.error?.hint ?? 'Run the scenario again.',
      rule: 'There was nothing to apply it to.',
    },
    cases,
    use: first?.use ?? [],
    objectives: evaluateObjectives(run.objectives, cases),
    warnings: findWarnings(data, cases),
    methods: describeMethods(run),
    emulatorCeilingBytesPerSecond: run.emulatorCeilingBytesPerSecond,
    ...(data.profile === undefined ? {} : { profile: reportedProfile(data.profile) }),
  };
  const waterfalls = run.cases.map(({ settings }, index) =>
    settings.strategies.flatMap(({ label }) => drawWaterfall(label, trialsOf(data, index, label)) ?? []),
  );
  return { report, waterfalls };
}

function summariseCase(data: RunData, index: number): CaseReport {
  const record = data.run.cases[index];
  if (record === undefined) throw new RangeError(`the run has no case ${index}`);
  const { settings, image, link, server: serverFacts } = record;
  const { server } = settings;
  const isReal = server.kind === 'pbs';
  const strategies = settings.strategies.map((strategy) =>
    summariseStrategy(strategy, trialsOf(data, index, strategy.label), image),
  );
  const compared = settings.strategies.map(({ label }) => ({
    label,
    trials: measuredTrials(trialsOf(data, index, label)),
  }));
  const [baseline, ...others] = compared;
  const comparisons = baseline === undefined ? [] : others.map((other) => compare(other, baseline));
  const use = useTable(
    { ...data, host: data.run.host, settings, ...(serverFacts === undefined ? {} : { serverFacts }) },
    baseline?.label,
  );
  const { transport } = settings;
  const pageCache = pageCacheOf(
    record,
    data.trials.filter((trial) => trial.case === index),
  );
  const { roundTripMs, jitterMs, rateBytesPerSecond, connectionRateBytesPerSecond } = settings.link;
  return {
    parameters: settings.parameters,
    ...(image === undefined ? {} : { image }),
    link: {
      // Nothing is asked of a real link.
      asked: isReal
        ? {}
        : {
            roundTripMs,
            jitterMs,
            ...(rateBytesPerSecond === undefined ? {} : { rateBytesPerSecond }),
            ...(connectionRateBytesPerSecond === undefined ? {} : { connectionRateBytesPerSecond }),
          },
      ...(link === undefined ? {} : { achieved: link }),
    },
    ...(serverFacts === undefined || !isReal ? {} : { server: { ...serverFacts, ...limitsOf(server) } }),
    ...(pageCache === undefined ? {} : { pageCache }),
    ...(transport === undefined ? {} : { transport: { asked: transport, negotiated: negotiatedTls(data, index) } }),
    verdict: judge(
      data.run,
      record,
      baseline === undefined ? [] : trialsOf(data, index, baseline.label),
      comparisons,
      use,
    ),
    strategies,
    comparisons,
    use,
  };
}

function limitsOf({
  maxInFlight,
  maxRateBytesPerSecond,
}: RealServerSettings): Pick<RealServerSettings, 'maxInFlight' | 'maxRateBytesPerSecond'> {
  return { maxInFlight, ...(maxRateBytesPerSecond === undefined ? {} : { maxRateBytesPerSecond }) };
}

function negotiatedTls({ trials }: RunData, index: number): readonly string[] {
  const all = trials.flatMap(({ case: caseIndex, connection }) =>
    caseIndex === index && connection !== undefined ? [`${connection.tlsProtocol} ${connection.tlsCipher}`] : [],
  );
  return [...new Set(all)];
}

function reportedProfile({ formatVersion: _formatVersion, ...profile }: ProfileRecord): ProfileReport {
  return profile;
}
