import type { ScenarioProblem } from '../model/errors.ts';
import type { Objective } from '../model/objective.ts';
import { contradictions, objectiveFindings } from './contradictions.ts';
import { check, startsWith, type LocatedFinding } from './findings.ts';
import { combinations, MAX_CASES, readMatrix, strategyLabels, withCombination, type Combination } from './matrix.ts';
import { parseObjective } from './objective.ts';
import type { Path, ScenarioSource } from './scenario-source.ts';
import { scenarioSchema, type ParsedScenario } from './schema.ts';

/** One case of the matrix, checked. */
export interface ParsedCase {
  readonly values: ParsedScenario;
  readonly combination: Combination;
}

interface FailedCase {
  readonly combination: Combination;
  readonly findings: readonly LocatedFinding[];
}

/** Either everything wrong with the file, each thing once, or its cases and objectives. */
export type CheckedScenario =
  | { readonly problems: readonly ScenarioProblem[] }
  | { readonly parsed: readonly ParsedCase[]; readonly objectives: readonly Objective[] };

/** Checks a file as a whole: each value by itself, each case of the matrix, and sections against one another. */
export function checkScenario(source: ScenarioSource): CheckedScenario {
  const file = source.values;
  const { axes, findings } = readMatrix(file);
  const located: LocatedFinding[] = [...findings];
  // The count and not the list: a matrix of ten keys with ten values each must not be expanded first.
  const caseCount = axes.reduce((product, { values }) => product * Math.max(1, values.length), 1);
  const tooMany = caseCount > MAX_CASES;
  if (tooMany)
    located.push({
      path: ['matrix'],
      at: 'key',
      message: `the matrix has ${caseCount} cases`,
      allowed: `at most ${MAX_CASES} combinations`,
    });
  const checkedCases = combinations(tooMany ? [] : axes).map((combination) => ({
    combination,
    checked: check(scenarioSchema, withCombination(file, combination)),
  }));
  const parsed: ParsedCase[] = [];
  const failed: FailedCase[] = [];
  for (const { combination, checked } of checkedCases) {
    if ('value' in checked) parsed.push({ values: checked.value, combination });
    else failed.push({ combination, findings: checked.findings });
  }
  located.push(...findingsOfCases(failed));
  located.push(
    ...contradictions(
      file,
      axes,
      parsed.map(({ values }) => values),
    ),
  );
  const problems = located.map(({ path, at, ...finding }) =>
    at === 'key' ? source.atKey(path, finding) : source.atValue(path, finding),
  );
  for (const { path, start, length, ...finding } of objectiveFindings(file))
    problems.push(source.inText(path, { start, length }, finding));
  if (problems.length > 0) return { problems: unique(problems) };
  return { parsed, objectives: objectivesOf(file) };
}

/**
 * Findings of single cases, put where the file says what is wrong: at the value of the matrix when it is that value,
 * or when other cases with another value of the same section are right.
 */
function findingsOfCases(failed: readonly FailedCase[]): LocatedFinding[] {
  const keyOf = ({ path, message }: LocatedFinding): string => JSON.stringify([path.map(String), message]);
  const combinationsOf = new Map<string, Combination[]>();
  for (const { combination, findings } of failed) {
    for (const finding of findings)
      combinationsOf.set(keyOf(finding), [...(combinationsOf.get(keyOf(finding)) ?? []), combination]);
  }
  return failed.flatMap(({ combination, findings }) =>
    findings.map((finding) => ({
      ...finding,
      path: placeInFile(finding.path, combination, combinationsOf.get(keyOf(finding)) ?? []),
    })),
  );
}

/** `alike` are all combinations in which the same is wrong: a key of the matrix is to blame if only some of its values are among them. */
function placeInFile(path: Path, combination: Combination, alike: readonly Combination[]): Path {
  const replaced = combination.find(({ axis }) => startsWith(path, axis.path));
  if (replaced !== undefined)
    return ['matrix', replaced.axis.key, replaced.position, ...path.slice(replaced.axis.path.length)];
  const toBlame = combination.find(({ axis }, index) => {
    const isBeside = axis.path.length > 1 && startsWith(path, axis.path.slice(0, -1));
    return isBeside && new Set(alike.map((other) => other[index]?.position)).size < axis.values.length;
  });
  return toBlame === undefined ? path : ['matrix', toBlame.axis.key, toBlame.position];
}

function objectivesOf(file: Readonly<Record<string, unknown>>): Objective[] {
  const texts = Array.isArray(file['objectives']) ? (file['objectives'] as readonly string[]) : [];
  return texts.flatMap((text) => {
    const parsed = parseObjective(text, strategyLabels(file));
    return 'objective' in parsed ? [parsed.objective] : [];
  });
}

/** The same value of the matrix is wrong in the same way in many cases. */
function unique(problems: readonly ScenarioProblem[]): readonly ScenarioProblem[] {
  const seen = new Map(
    problems.map((problem) => [JSON.stringify([problem.line, problem.column, problem.message]), problem]),
  );
  return [...seen.values()];
}
