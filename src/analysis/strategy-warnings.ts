import { metricValue, type UseRow } from '../model/metric.ts';
import type { RecordedCaseSettings, RecordedWarning, RunData, TrialRecord } from '../model/records.ts';
import type { CaseReport } from '../model/report.ts';
import { formatBytes, formatRate, formatShare } from '../model/units.ts';
import { mean, sampleDeviation } from '../stats/mean.ts';
import { median } from '../stats/quantile.ts';
import { clientPartsOf } from './client-parts.ts';
import { MINIMUM_PAIRS } from './compare.ts';
import { externalWarnings } from './external-warnings.ts';
import { meanInFlight } from './littles-law.ts';
import { measuredTrials, rateOf, trialsOf, type MeasuredTrial } from './measured-trials.ts';
import { measureResources, ownCoresUse, type MeasuredResource } from './resource-rules.ts';
import { machineCores } from './use/machine-cores.ts';

/** Deviation of the trials' rates over their mean: above this a difference of 10 % takes more than five repeats to see. */
const NOISY_DEVIATION = 0.1;
/** Below the verdict's own threshold, so that a run that comes near the emulator's limit is marked before it is lost. */
const EMULATOR_NEAR = 0.7;
/** Of all cores: the kernel's own work in interrupts stays below this. */
const OTHER_LOAD = 0.15;
/** A quiet host steals a few thousandths. */
const STOLEN = 0.05;
/** Predicted and measured number in flight come from the same trial; more than this apart, records are missing. */
const LITTLE_TOLERANCE = 0.1;

/** What happened to the trials of each strategy of a case. */
export function strategyWarnings(data: RunData, caseIndex: number, report: CaseReport): readonly RecordedWarning[] {
  const record = data.run.cases[caseIndex];
  if (record === undefined) return [];
  const { settings } = record;
  const strategies = settings.strategies.map(({ label, knobs }) => {
    const trials = trialsOf(data, caseIndex, label);
    return { label, knobs, trials, measured: measuredTrials(trials) };
  });
  const ofEach = strategies.flatMap(({ label, knobs, trials, measured }) => {
    const emulator = measureResources(measured, { record, run: data.run }).filter(
      ({ code }) => code === 'emulator-bound',
    );
    return [
      failureWarnings(label, trials),
      externalWarnings(label, trials),
      knobs.inFlight === undefined ? [] : bufferWarnings(label, knobs.inFlight, knobs.bufferBytes, measured),
      emulatorWarnings(label, emulator),
      littleWarnings(label, report),
    ].flat();
  });
  const [subject] = strategies;
  const otherLoad = subject === undefined ? [] : loadWarnings(data, report, subject);
  return [...ofEach, ...countWarnings(strategies), ...noiseWarnings(strategies, settings), ...otherLoad];
}

interface MeasuredStrategy {
  readonly label: string;
  readonly trials: readonly TrialRecord[];
  readonly measured: readonly MeasuredTrial[];
}

function failureWarnings(label: string, trials: readonly TrialRecord[]): readonly RecordedWarning[] {
  const warnings: RecordedWarning[] = [];
  const failed = trials.filter(({ status }) => status === 'failed');
  const cause = failed.find(({ error }) => error !== undefined)?.error?.message;
  if (failed.length > 0) {
    warnings.push({
      code: 'trials-failed',
      sentence: `${failed.length} of ${trials.length} trials of ${label} failed${cause === undefined ? '' : ` (${cause})`}: they count in no figure.`,
    });
  }
  const wrong = trials.filter(
    ({ status, verified, notVerifiable }) => status === 'completed' && verified !== true && notVerifiable === undefined,
  );
  const problem = wrong.flatMap(({ proof }) => proof?.problems ?? [])[0];
  if (wrong.length > 0) {
    warnings.push({
      code: 'trials-not-verified',
      sentence: `${wrong.length} of ${trials.length} trials of ${label} ended, but their bytes were not proven to be right${problem === undefined ? '' : ` (${problem})`}: they count in no figure.`,
    });
  }
  return warnings;
}

function countWarnings(strategies: readonly MeasuredStrategy[]): readonly RecordedWarning[] {
  const few = strategies
    .filter(({ trials, measured }) => trials.length > 0 && measured.length < MINIMUM_PAIRS)
    .map(({ label, measured }) => `${measured.length} of ${label}`);
  if (few.length === 0) return [];
  return [
    {
      code: 'few-trials',
      sentence: `Measured trials are few: ${few.join(', ')}. Comparisons need at least ${MINIMUM_PAIRS}: raise trials.repeats.`,
    },
  ];
}

function noiseWarnings(
  strategies: readonly MeasuredStrategy[],
  { server }: RecordedCaseSettings,
): readonly RecordedWarning[] {
  const noisy = strategies.flatMap(({ label, measured }) => {
    const rates = measured.map((trial) => rateOf(trial, 'data'));
    const deviation = sampleDeviation(rates);
    const centre = mean(rates);
    if (deviation === undefined || centre === undefined || !(deviation > NOISY_DEVIATION * centre)) return [];
    return [`${label} from ${formatRate(Math.min(...rates))} to ${formatRate(Math.max(...rates))}`];
  });
  if (noisy.length === 0) return [];
  const isWhole = server.kind === 'pbs' && server.sampleBytes === undefined;
  const cause = isWhole ? '' : ', or too short an image';
  const length = server.kind === 'embedded' ? ' or image.size' : isWhole ? '' : ' or server.sample';
  return [
    {
      code: 'noisy-trials',
      sentence: `The data rates of the trials scatter: ${noisy.join(', ')}. Other load${cause}: raise trials.repeats${length}, or use a quieter machine.`,
    },
  ];
}

/** What other programs and the hypervisor took, from the samples of the USE table. */
function loadWarnings(
  { run, samples }: RunData,
  report: CaseReport,
  { label, measured }: MeasuredStrategy,
): readonly RecordedWarning[] {
  const rowOf = (resource: string): UseRow | undefined => report.use.find((one) => one.resource === resource);
  const cpu = rowOf('cpu');
  const steal = rowOf('cpu stolen by the hypervisor');
  const whole = cpu === undefined ? undefined : metricValue(cpu.utilization);
  const stolen = steal === undefined ? undefined : metricValue(steal.saturation);
  const own = median(
    measured.flatMap((trial) => metricValue(ownCoresUse(trial, machineCores(samples, run.host), run.mode)) ?? []),
  );
  const warnings: RecordedWarning[] = [];
  if (whole !== undefined && own !== undefined && whole - own > OTHER_LOAD) {
    warnings.push({
      code: 'other-load',
      sentence: `${formatShare(whole - own)} of this machine's CPU went to other programs${run.mode === 'real' ? ' (to the server too, if it runs here)' : ''} while ${label} ran: rates are too low and threads look busier than they are. Stop the other programs and run again.`,
    });
  }
  if (stolen !== undefined && stolen > STOLEN) {
    warnings.push({
      code: 'cpu-stolen',
      sentence: `${formatShare(stolen)} of this machine's CPU was stolen by the hypervisor while ${label} ran: rates are too low and will differ at another time.`,
    });
  }
  return warnings;
}

function bufferWarnings(
  label: string,
  inFlight: number,
  bufferBytes: number,
  measured: readonly MeasuredTrial[],
): readonly RecordedWarning[] {
  const waits = Math.max(0, ...measured.map(({ counters }) => clientPartsOf(counters)?.bufferWaits ?? 0));
  if (waits === 0) return [];
  const held = median(measured.flatMap((trial) => meanInFlight(trial) ?? []));
  const reached =
    held === undefined ? '' : `, so that ${held.toFixed(1)} of its ${inFlight} chunks were in flight on average`;
  return [
    {
      code: 'buffer-lowered-window',
      sentence: `${waits} fetches of ${label} waited because bufferBytes (${formatBytes(bufferBytes)}) was used up${reached}. Raise bufferBytes to measure the window that was asked for.`,
    },
  ];
}

function emulatorWarnings(label: string, resources: readonly MeasuredResource[]): readonly RecordedWarning[] {
  const near = resources
    .map(({ name, measured }) => ({ name, share: metricValue(measured) ?? 0 }))
    .toSorted((a, b) => b.share - a.share)[0];
  if (near === undefined || near.share < EMULATOR_NEAR) return [];
  return [
    {
      code: 'emulator-near-ceiling',
      sentence: `${formatShare(near.share)} of what the link emulator can do was used by ${label} (${near.name}): it may have been slower here than on a real link.`,
    },
  ];
}

function littleWarnings(label: string, report: CaseReport): readonly RecordedWarning[] {
  const law = report.strategies.find((strategy) => strategy.label === label)?.littlesLaw;
  if (law === undefined || !('value' in law.predictedInFlight) || !('value' in law.measuredInFlight)) return [];
  const predicted = law.predictedInFlight.value;
  const measured = law.measuredInFlight.value;
  if (Math.abs(predicted - measured) <= LITTLE_TOLERANCE * Math.max(predicted, measured)) return [];
  return [
    {
      code: 'littles-law-broken',
      sentence: `Throughput times latency of ${label} gives ${predicted.toFixed(1)} chunks in flight, its chunk times ${measured.toFixed(1)}: chunk times are missing or wrong, do not trust its latencies.`,
    },
  ];
}
