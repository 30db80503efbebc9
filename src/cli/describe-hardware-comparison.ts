import { intervalText, ratioText } from '../analysis/ratio-text.ts';
import type { ComparedMeasurement, ProfileVerdict, RatioEstimate } from '../hardware/compare-profiles.ts';
import type { HardwareProfile } from '../hardware/profile.ts';
import { geometricMean } from '../stats/mean.ts';
import { fittingColumns } from '../ui/fitting-columns.ts';
import { formatTable } from '../ui/table.ts';
import { wrapText } from '../ui/wrap-text.ts';
import type { DescribeOptions } from './describe-hardware.ts';

export interface ComparedProfile {
  readonly file: string;
  readonly profile: HardwareProfile;
}

const verdictNames: Readonly<Record<ProfileVerdict, string>> = {
  faster: 'faster',
  slower: 'slower',
  'not-distinguishable': 'not distinguishable',
  inconclusive: 'inconclusive',
};

const COLUMNS_KEPT = 4;

/** How many times the first machine is the second, primitive by primitive. */
export function describeComparison(
  of: ComparedProfile,
  to: ComparedProfile,
  compared: readonly ComparedMeasurement[],
  { style, width }: DescribeOptions,
): string {
  // CPU time first: it can be compared where other things ran on either machine.
  const header = ['primitive', 'threads', 'per CPU second', '', 'rate', ''];
  const rows = compared.map(({ name, threads, perSecond, perCpuSecond }) => [
    name,
    threads.of === threads.to ? String(threads.of) : `${threads.of} : ${threads.to}`,
    perCpuSecond === undefined ? 'unknown' : text(perCpuSecond),
    perCpuSecond === undefined ? '' : verdictNames[perCpuSecond.verdict],
    text(perSecond),
    verdictNames[perSecond.verdict],
  ]);
  const fitting = fittingColumns([header, ...rows], { width: width ?? Infinity, kept: COLUMNS_KEPT });
  const [first = '', ...lines] = formatTable(fitting, {
    align: ['left', 'right', 'right', 'left', 'right', 'left'],
  }).split('\n');
  return [
    style.bold(wrapText(headline(compared), width ?? Infinity)),
    '',
    `first   ${machine(of)}`,
    `second  ${machine(to)}`,
    '',
    style.dim(first),
    ...lines.slice(0, -1),
    '',
    style.dim(
      wrapText(
        "Ratios of the geometric means of the rounds, first to second; in brackets Welch's 95 % interval. Not distinguishable: it contains 1.",
        width ?? 100,
      ),
    ),
    '',
  ].join('\n');
}

function headline(compared: readonly ComparedMeasurement[]): string {
  if (compared.length === 0) return 'The two profiles have no measurement in common.';
  const alone = compared
    .filter(({ threads }) => threads.of === 1)
    .map(({ perSecond, perCpuSecond }) => perCpuSecond ?? perSecond);
  const count = (wanted: ProfileVerdict): number => alone.filter(({ verdict }) => verdict === wanted).length;
  const mean = geometricMean(alone.map(({ ratio }) => ratio));
  const overall = mean === undefined ? '' : ` (${ratioText(mean)} x in the geometric mean)`;
  return `Per CPU second of one thread the first machine is faster in ${count('faster')}, slower in ${count('slower')} and not distinguishable in ${count('not-distinguishable')} of ${alone.length} primitives${overall}.`;
}

function machine({ file, profile: { host, measuredAt } }: ComparedProfile): string {
  return `${host.cpuModel ?? host.arch}, ${host.cores} ${host.cores === 1 ? 'core' : 'cores'}, ${measuredAt}, ${file}`;
}

const text = ({ ratio, interval }: RatioEstimate): string =>
  `${ratioText(ratio)} x${interval === undefined ? '' : ` (${intervalText(ratio, interval)})`}`;
