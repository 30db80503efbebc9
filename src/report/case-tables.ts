import { isBelowTimers, roundTripText } from '../analysis/case-name.ts';
import { linkRates, type LinkRate } from '../analysis/link-rates.ts';
import { countsAsMeasured } from '../analysis/measured-trials.ts';
import type { Metric, UseRow } from '../model/metric.ts';
import { phases, type CaseReport, type StrategyReport } from '../model/report.ts';
import { formatBytes, formatDuration, formatRate, formatShare } from '../model/units.ts';
import {
  comparisonNames,
  formatNumber,
  metricText,
  ratioAndInterval,
  saturationText,
  throughputText,
} from './human-text.ts';
import { phaseNames } from './phase-names.ts';
import { programsTable } from './programs-table.ts';
import { numberColumn, textColumn, type Table } from './table.ts';

export function ratesTable({ strategies }: CaseReport): Table {
  return {
    title: 'Four rates',
    note: 'Median of the measured trials; in brackets the 95 % interval of their geometric mean. Compare data rates; logical counts zeros, wire counts what crossed the link.',
    columns: [
      textColumn('strategy'),
      numberColumn('data rate'),
      numberColumn('logical rate'),
      numberColumn('unique rate'),
      numberColumn('wire rate'),
      numberColumn('measured trials'),
    ],
    rows: strategies.map((strategy) => [
      strategyName(strategy),
      throughputText(strategy.throughput.data),
      throughputText(strategy.throughput.logical),
      throughputText(strategy.throughput.unique),
      throughputText(strategy.throughput.wire),
      trialCount(strategy),
    ]),
  };
}

export function comparisonsTable({ comparisons }: CaseReport): Table {
  return {
    title: 'Comparison by data rate',
    note: 'Paired by block; a ratio above 1 is faster.',
    columns: [
      textColumn('strategy'),
      textColumn('against'),
      numberColumn('ratio of data rates'),
      numberColumn('pairs'),
      textColumn('verdict'),
    ],
    rows: comparisons.map((one) => [
      one.of,
      one.to,
      ratioAndInterval(one),
      String(one.pairs),
      comparisonNames[one.verdict],
    ]),
  };
}

export function latencyTable({ strategies }: CaseReport): Table {
  return {
    title: 'Chunk latency',
    note: 'From the request for a data chunk until its write has returned.',
    columns: [textColumn('strategy'), ...['p50', 'p95', 'p99', 'max'].map(numberColumn)],
    rows: strategies.map((strategy) => {
      const { p50, p95, p99, max } = strategy.chunkLatencyMs;
      return [strategy.label, ...[p50, p95, p99, max].map((value) => metricText(value, formatDuration))];
    }),
  };
}

export function phasesTable({ strategies }: CaseReport): Table {
  return {
    title: 'Phases of a chunk',
    note: 'Share of all chunk time; decoding includes the wait for a decode thread.',
    columns: [textColumn('strategy'), ...phases.map((phase) => numberColumn(phaseNames[phase]))],
    rows: strategies.map(({ label, phaseShares }) => [
      label,
      ...phases.map((phase) => {
        const share = phaseShares[phase];
        return share === undefined ? 'unknown: no chunk times' : formatShare(share);
      }),
    ]),
  };
}

export function costTable({ strategies }: CaseReport): Table {
  const seconds = (value: Metric): string => metricText(value, (number) => `${number.toFixed(2)} s`);
  return {
    title: 'CPU seconds per 10^9 data bytes',
    note: "The proof is this tool's own check of the restored bytes; the client's figure contains it.",
    columns: [
      textColumn('strategy'),
      numberColumn('client'),
      numberColumn('of which proof'),
      numberColumn('server'),
      numberColumn('peak buffered'),
    ],
    rows: strategies.map(({ label, cpuSecondsPerGb: { client, proof, server }, peakBufferedBytes }) => [
      label,
      seconds(client),
      seconds(proof),
      seconds(server),
      metricText(peakBufferedBytes, formatBytes),
    ]),
  };
}

export function orderTable({ strategies }: CaseReport): Table {
  return {
    title: 'Write order and chunks in flight',
    note: "Displacement: chunks between a write's place and index order. Little's law: throughput times latency beside the mean measured in flight; they must agree.",
    columns: [
      textColumn('strategy'),
      numberColumn('displacement mean'),
      numberColumn('displacement max'),
      numberColumn('head-of-line wait p50'),
      numberColumn('p95'),
      numberColumn('max'),
      numberColumn('in flight by Little'),
      numberColumn('in flight measured'),
    ],
    rows: strategies.map(({ label, writeDisplacement, headOfLineWaitMs, littlesLaw }) => [
      label,
      metricText(writeDisplacement.mean, formatNumber),
      metricText(writeDisplacement.max, formatNumber),
      metricText(headOfLineWaitMs.p50, formatDuration),
      metricText(headOfLineWaitMs.p95, formatDuration),
      metricText(headOfLineWaitMs.max, formatDuration),
      metricText(littlesLaw.predictedInFlight, (value) => value.toFixed(1)),
      metricText(littlesLaw.measuredInFlight, (value) => value.toFixed(1)),
    ]),
  };
}

export function linkTable({ link: { asked, achieved }, server }: CaseReport): Table {
  const unmeasured = 'unknown: not calibrated';
  const rates = linkRates(asked, achieved);
  const rateCells = ({ asked: limit, achieved: measured }: LinkRate): readonly string[] => [
    limit === undefined ? 'no limit' : formatRate(limit),
    metricText(measured, formatRate),
  ];
  const milliseconds = (ms: number | undefined): string =>
    ms === undefined || ms === 0 ? 'none added' : formatDuration(ms);
  const roundTrip = achieved?.roundTripMs;
  return {
    title: 'Link: asked and achieved',
    ...(isBelowTimers(asked['roundTripMs'] ?? 0) && roundTrip !== undefined
      ? {
          note: `A round trip of ${roundTripText(asked['roundTripMs'] ?? 0, achieved)}: below 1 ms the measured one counts.`,
        }
      : {}),
    columns: [textColumn('quantity'), numberColumn('asked'), numberColumn('achieved')],
    rows:
      server !== undefined
        ? []
        : [
            [
              'round trip, median',
              milliseconds(asked['roundTripMs']),
              roundTrip === undefined ? unmeasured : formatDuration(roundTrip.median),
            ],
            [
              'round trip, p95',
              `jitter: ${milliseconds(asked['jitterMs'])}`,
              roundTrip === undefined ? unmeasured : `${formatDuration(roundTrip.p95)} (${roundTrip.samples} samples)`,
            ],
            ['rate to the client, all connections', ...rateCells(rates.all)],
            ['rate of each connection', ...rateCells(rates.connection)],
          ],
  };
}

export function serverTable({ server }: CaseReport): Table {
  const columns = [textColumn('quantity'), textColumn('value')];
  if (server === undefined) return { title: 'Server', columns, rows: [] };
  const { repository, namespace, version, route, maxInFlight, maxRateBytesPerSecond } = server;
  return {
    title: 'Server',
    note: 'A real one, which was only read: nothing is known of its processors and disks.',
    columns,
    rows: [
      ['repository', repository],
      ...(namespace === '' ? [] : [['namespace', namespace]]),
      ['version', `Proxmox Backup Server ${version}`],
      [
        'reached through',
        `${route.interface ?? 'unknown interface'}, ${metricText(route.speedBytesPerSecond, formatRate)}`,
      ],
      [
        'asked of it at most',
        `${maxInFlight} requests at a time${maxRateBytesPerSecond === undefined ? '' : `, ${formatRate(maxRateBytesPerSecond)}`}`,
      ],
    ],
  };
}

export function transportTable({ transport, server }: CaseReport): Table {
  const columns = [textColumn('quantity'), textColumn('value')];
  if (transport === undefined) return { title: 'Transport', columns, rows: [] };
  const { asked, negotiated } = transport;
  return {
    title: 'Transport',
    columns,
    rows: [
      server === undefined
        ? ['HTTP/2 of client and server', [...new Set([asked.name, asked.server])].join(' and ')]
        : ['HTTP/2 of the client', asked.name],
      ['receive window of a stream', formatBytes(asked.streamWindowBytes)],
      ['receive window of a connection', formatBytes(asked.connectionWindowBytes)],
      ...(asked.updateThreshold === undefined ? [] : [['given back at', formatShare(asked.updateThreshold)]]),
      ['largest frame', formatBytes(asked.maxFrameBytes)],
      ['TLS', negotiated.length === 0 ? 'unknown: no trial connected' : negotiated.join(', ')],
    ],
  };
}

export function imageTable({ image, pageCache }: CaseReport): Table {
  const rows =
    image === undefined
      ? [['image', 'unknown: the case was not prepared']]
      : [
          ['snapshot', `${image.snapshot} ${image.archive}`],
          ...(image.sampleOf === undefined
            ? []
            : [['part of', `${formatBytes(image.sampleOf.sizeBytes)}, ${image.sampleOf.sampling}`]]),
          [
            'size',
            `${formatBytes(image.sizeBytes)} in ${image.chunkCount} chunks of ${formatBytes(image.chunkSizeBytes)}`,
          ],
          [
            'zero chunks',
            `${image.zeroChunkCount} (${formatShare(image.zeroChunkCount / Math.max(1, image.chunkCount))})`,
          ],
          ['data', formatBytes(image.dataBytes)],
          ['unique data', `${formatBytes(image.uniqueBytes)} in ${image.uniqueChunkCount} chunks`],
          [
            'stored',
            `${image.storedBytes === undefined ? 'unknown: not every chunk was looked at' : formatBytes(image.storedBytes)}${image.chunks === 'synthesised' ? ', in the memory of the server: synthesised chunks that repeat throughout the image' : ''}`,
          ],
          ...(pageCache === undefined
            ? []
            : [
                [
                  `read from disk, page cache ${pageCache.asked}`,
                  metricText(pageCache.fromDiskShare, (share) => `${formatShare(share)} of the stored bytes, mean`),
                ],
              ]),
        ];
  return { title: 'Image', columns: [textColumn('quantity'), textColumn('value')], rows };
}

export function useTable(
  { use, verdict }: Pick<CaseReport, 'use' | 'verdict'>,
  during = `While ${verdict.strategy} ran, over its measured trials.`,
): Table {
  const isKnown = ({ utilization, saturation, errors }: UseRow): boolean =>
    [utilization, saturation, errors].some((one) => 'value' in one);
  const unknown = use
    .filter((row) => !isKnown(row))
    .map(({ resource, utilization }) => `${resource} (${metricText(utilization, formatShare)})`);
  const rest = unknown.length === 0 ? '' : ` Nothing is known of ${unknown.join(', ')}.`;
  return {
    title: 'USE: utilization, saturation, errors',
    note: `${during}${rest}`,
    columns: [
      textColumn('resource'),
      numberColumn('utilization'),
      numberColumn('saturation'),
      numberColumn('errors'),
      textColumn('method'),
    ],
    rows: use
      .filter(isKnown)
      .map(({ resource, utilization, saturation, saturationUnit, errors, method }) => [
        resource,
        metricText(utilization, formatShare),
        saturationText(saturation, saturationUnit),
        metricText(errors, formatNumber),
        method ?? 'not stated',
      ]),
  };
}

export function evidenceTable({ verdict }: Pick<CaseReport, 'verdict'>): Table {
  return {
    title: 'Evidence',
    note: `Of ${verdict.strategy}, against the thresholds of the verdict rule (see Methods).`,
    columns: [textColumn('evidence'), numberColumn('measured'), numberColumn('threshold'), textColumn('met')],
    rows: verdict.evidence.map(({ name, measured, threshold, met }) => [
      name,
      metricText(measured, formatShare),
      threshold.replace(/[\d.]+$/u, (number) => formatShare(Number(number))),
      'value' in measured ? (met ? 'yes' : 'no') : '-',
    ]),
  };
}

/** Every table of a case that has rows, in reading order. */
export function caseTables(one: CaseReport): readonly Table[] {
  return [
    ratesTable,
    comparisonsTable,
    phasesTable,
    latencyTable,
    costTable,
    orderTable,
    programsTable,
    serverTable,
    linkTable,
    transportTable,
    imageTable,
    useTable,
    evidenceTable,
  ]
    .map((make) => make(one))
    .filter(({ rows }) => rows.length > 0);
}

export function strategyName({ label, name, knobs }: StrategyReport): string {
  const own = label === name ? label : `${label} (${name})`;
  // Its window is of a size that it finds by itself.
  const isBound = name === 'adaptive';
  const window = knobs['inFlight'] === undefined ? '' : `, ${isBound ? 'up to ' : ''}${knobs['inFlight']} in flight`;
  return `${own}${window}`;
}

/** `4 of 5`: measured ones of those that were to be measured. */
export function trialCount({ trials }: StrategyReport): string {
  const wanted = trials.filter(({ warmUp }) => !warmUp);
  return `${trials.filter(countsAsMeasured).length} of ${wanted.length}`;
}
