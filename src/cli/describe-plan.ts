import type { ExternalSettings } from '../model/external.ts';
import type {
  CaseSettings,
  RealServerSettings,
  LinkSettings,
  StorageSettings,
  StrategySettings,
} from '../model/environment.ts';
import type { PlannedTrial } from '../model/records.ts';
import { transportText } from '../model/transport.ts';
import { formatBytes, formatDuration, formatRate, formatShare } from '../model/units.ts';
import type { Scenario } from '../scenario/load-scenario.ts';
import { formatTable } from '../ui/table.ts';

/** What a scenario means before anything is run: its cases in base terms, strategies, and the order of trials. */
export function describePlan(scenario: Scenario, plan: readonly PlannedTrial[]): string {
  const measured = plan.filter(({ warmUp }) => !warmUp).length;
  const { timeBudgetMs, order } = scenario.trials;
  const lines = [
    `${scenario.name}: ${plan.length} trials, ${measured} of them measured, ${order}, seed ${scenario.seed}` +
      (timeBudgetMs === undefined ? '' : `, no new block after ${formatDuration(timeBudgetMs)}`),
  ];
  for (const settings of scenario.cases)
    lines.push('', `case ${settings.index + 1}`, formatTable(describeCase(settings), { indent: '  ' }).trimEnd());
  if (scenario.objectives.length > 0)
    lines.push('', 'objectives', ...scenario.objectives.map(({ text }) => `  ${text}`));
  const blocks = Map.groupBy(plan, ({ block }) => block);
  lines.push(
    '',
    'order of trials',
    formatTable(
      [...blocks].map(([block, trials]) => describeBlock(block, trials, scenario.cases.length > 1)),
      { indent: '  ' },
    ).trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

function describeBlock(block: number, trials: readonly PlannedTrial[], manyCases: boolean): string[] {
  const names = trials.map((trial) => (manyCases ? `${trial.strategy} (case ${trial.case + 1})` : trial.strategy));
  return [`block ${block + 1}`, trials[0]?.warmUp === true ? 'warm-up' : 'measured', names.join(', ')];
}

function describeCase({
  server,
  link,
  transport,
  storage,
  image,
  history,
  target,
  strategies,
}: CaseSettings): string[][] {
  const isReal = server.kind === 'pbs';
  return [
    ...(isReal ? describeServer(server, strategies) : []),
    ...('datastore' in server
      ? [['image', `${server.snapshot} ${server.archive} in ${server.datastore}`]]
      : isReal
        ? []
        : [
            [
              'image',
              `${formatBytes(image.sizeBytes)}, ${formatShare(image.zeroShare)} zeros, ${formatShare(image.repeatedShare)} repeated, compresses ${image.compressionRatio}:1${server.chunks === 'synthesised' ? ', synthesised in memory' : ''}`,
            ],
            [
              'history',
              history.depth === 1
                ? 'one full backup'
                : `${history.depth} backups, ${formatShare(history.changeRate)} changed by each`,
            ],
          ]),
    ...(isReal ? [] : [['link', describeLink(link)]]),
    ...(server.processes === undefined || server.processes === 1 ? [] : [['server', `${server.processes} processes`]]),
    ['transport', isReal ? transportText({ ...transport, server: transport.name }) : transportText(transport)],
    ...(isReal ? [] : [['storage', describeStorage(storage)]]),
    [
      'target',
      target.kind === 'file'
        ? `file ${target.path}`
        : target.kind === 'throttled'
          ? `throttled to ${formatRate(target.rateBytesPerSecond)}`
          : 'discard',
    ],
    ...strategies.map((strategy) => ['strategy', describeStrategy(strategy)]),
  ];
}

const rate = (bytesPerSecond: number | undefined): string =>
  bytesPerSecond === undefined ? 'unlimited' : formatRate(bytesPerSecond);

export const describeLink = (link: LinkSettings): string =>
  `${formatDuration(link.roundTripMs)} round trip, ${rate(link.rateBytesPerSecond)}` +
  (link.jitterMs === 0 ? '' : `, jitter ${formatDuration(link.jitterMs)}`) +
  (link.connectionRateBytesPerSecond === undefined
    ? ''
    : `, ${rate(link.connectionRateBytesPerSecond)} per connection`);

export const describeStorage = (storage: StorageSettings): string =>
  `${formatDuration(storage.readLatencyMs)} read latency, ${rate(storage.bandwidthBytesPerSecond)}, ` +
  `queue depth ${storage.queueDepth}${storage.cache === 'cold' ? ', cold page cache' : ''}`;

function describeServer(server: RealServerSettings, strategies: readonly StrategySettings[]): string[][] {
  const { repository, namespace, snapshot, archive, sampleBytes, sampling, maxInFlight, maxRateBytesPerSecond } =
    server;
  const rate = maxRateBytesPerSecond === undefined ? '' : `, ${formatRate(maxRateBytesPerSecond)}`;
  const unbound = strategies.some(({ external }) => external !== undefined) ? '; programs ask as they will' : '';
  return [
    ['server', `${repository ?? 'that of PBS_REPOSITORY'}${namespace === undefined ? '' : `, namespace ${namespace}`}`],
    [
      'image',
      `${snapshot} ${archive}${sampleBytes === undefined ? '' : `, ${formatBytes(sampleBytes)} of it, ${sampling}`}`,
    ],
    ['asked of it at most', `${maxInFlight} requests at a time, one restore at a time${rate}${unbound}`],
  ];
}

function describeStrategy(strategy: StrategySettings): string {
  const { name, label } = strategy;
  const own = `${label}${label === name ? '' : ` (${name})`}`;
  if (strategy.external !== undefined) return `${own}: ${commandText(strategy.external)}`;
  const { knobs } = strategy;
  const { inFlight, decodeThreads, writers, bufferBytes, connections, polite } = knobs;
  const details = [
    `${inFlight} in flight`,
    ...(polite ? ['polite'] : []),
    ...(connections === 1 ? [] : [`${connections} connections`]),
    `${decodeThreads} decode threads`,
    ...(writers === 1 ? [] : [`${writers} writers`]),
    `${formatBytes(bufferBytes)} buffers`,
  ];
  return `${own}: ${details.join(', ')}`;
}

/** A command as one would type it, with its placeholders. */
function commandText({ command, env, output }: ExternalSettings): string {
  const words = [...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...command.flat()];
  const target = output.kind === 'file' ? `file ${output.path}` : output.kind;
  return `${words.map((word) => (/^[\w@%+=:,./{}-]+$/u.test(word) ? word : `'${word}'`)).join(' ')}; output ${target}`;
}
