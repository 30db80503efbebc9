import { caseName } from '../analysis/case-name.ts';
import type { Report, VerdictCode } from '../model/report.ts';
import { ratioAndInterval, verdictNames } from './human-text.ts';

/** What was found, in one sentence: that of the only case, or how the cases of a matrix fall. */
export function headline(report: Report): string {
  const { profile } = report;
  const found = finding(report);
  return profile === undefined ? found : `Under ${profile.tool.name}, speeds not comparable: ${found}`;
}

function finding({ cases, verdict }: Report): string {
  const [first] = cases;
  if (first === undefined || cases.length === 1) return verdict.sentence;
  const groups = new Map<VerdictCode, string[]>();
  for (const one of cases) {
    const { code } = one.verdict;
    groups.set(code, [...(groups.get(code) ?? []), caseName(one)]);
  }
  const [[onlyCode] = []] = groups;
  const gain = largestGain(cases);
  if (groups.size === 1 && onlyCode !== undefined) {
    return `${verdict.strategy} is ${verdictNames[onlyCode]} in all ${cases.length} cases${gain}.`;
  }
  const parts = [...groups].map(([code, names]) => {
    const where =
      names.length > MAX_NAMED_CASES ? `in ${names.length} of ${cases.length} cases` : `at ${joinNames(names)}`;
    return `${verdictNames[code]} ${where}`;
  });
  return `${verdict.strategy} is ${parts.join(', ')}${gain}.`;
}

/** More would hide the finding. */
const MAX_NAMED_CASES = 4;

/** The largest ratio among those that are certain, and where. */
function largestGain(cases: Report['cases']): string {
  const gains = cases.flatMap((one) =>
    one.comparisons
      .filter(({ verdict }) => verdict === 'faster')
      .map((comparison) => ({ comparison, name: caseName(one) })),
  );
  const best = gains.toSorted((a, b) => (b.comparison.ratio ?? 0) - (a.comparison.ratio ?? 0))[0];
  return best === undefined
    ? ''
    : `; ${best.comparison.of} gains most at ${best.name}: ${ratioAndInterval(best.comparison)}`;
}

/** `link.roundTrip 1 ms, 10 ms` where only one parameter varies, so that its name is said once. */
function joinNames(names: readonly string[]): string {
  const [first = '', ...others] = names;
  const parameter = first.slice(0, first.indexOf(' ') + 1);
  const isSingle = names.every((name) => name.startsWith(parameter) && !name.includes(', '));
  return isSingle ? [first, ...others.map((name) => name.slice(parameter.length))].join(', ') : names.join('; ');
}
