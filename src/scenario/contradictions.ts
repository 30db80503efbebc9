import { listed, type LocatedFinding } from './findings.ts';
import { strategyLabels, type MatrixAxis } from './matrix.ts';
import { parseObjective } from './objective.ts';
import type { Finding, Path } from './scenario-source.ts';
import { caseSections, type ParsedScenario } from './schema.ts';
import { quote } from './wording.ts';

type Values = Readonly<Record<string, unknown>>;

/** Something wrong with an objective, and where in its text. */
export interface ObjectiveFinding extends Finding {
  readonly path: Path;
  readonly start: number;
  readonly length: number;
}

/** What contradicts across sections of a file although each section is right by itself. */
export function contradictions(
  file: Values,
  axes: readonly MatrixAxis[],
  cases: readonly Pick<ParsedScenario, 'server'>[],
): readonly LocatedFinding[] {
  return [...labelFindings(file), ...readyStoreFindings(file, axes, cases), ...realServerFindings(file, axes, cases)];
}

/** Objectives that cannot be understood or name what is not there. */
export function objectiveFindings(file: Values): readonly ObjectiveFinding[] {
  const objectives = Array.isArray(file['objectives']) ? file['objectives'] : [];
  const labels = strategyLabels(file).filter((label) => label !== '');
  return objectives.flatMap((text: unknown, index) => {
    const parsed = typeof text === 'string' ? parseObjective(text, labels) : undefined;
    return parsed !== undefined && 'problem' in parsed ? [{ path: ['objectives', index], ...parsed.problem }] : [];
  });
}

function labelFindings(file: Values): LocatedFinding[] {
  const labels = strategyLabels(file);
  const findings: LocatedFinding[] = [];
  for (const [index, label] of labels.entries()) {
    const written = Array.isArray(file['strategies']) ? (file['strategies'][index] as Values | null) : null;
    const path = ['strategies', index, ...(written !== null && Object.hasOwn(written, 'label') ? ['label'] : ['name'])];
    if (label !== '' && labels.indexOf(label) < index) {
      findings.push({
        path,
        at: 'value',
        message: `two strategies are called ${quote(label)}`,
        allowed: 'a `label` of its own for each',
      });
    } else if (Object.hasOwn(caseSections, label) || label === 'strategies') {
      findings.push({
        path,
        at: 'value',
        message: `${quote(label)} is the name of a section`,
        allowed: `a label other than ${listed([...Object.keys(caseSections), 'strategies'])}`,
      });
    }
  }
  return findings;
}

/** A ready datastore holds its own image: settings of a synthetic one would be without any effect. */
function readyStoreFindings(
  file: Values,
  axes: readonly MatrixAxis[],
  cases: readonly Pick<ParsedScenario, 'server'>[],
): LocatedFinding[] {
  const isReady = ({ server }: Pick<ParsedScenario, 'server'>): boolean => 'datastore' in server;
  if (!cases.some(isReady)) return [];
  const findings: LocatedFinding[] = [];
  const message = 'a ready datastore holds its own image';
  for (const section of ['image', 'history'] as const) {
    const allowed = `\`${section}\` without \`server.datastore\`, or the other way round`;
    if (file[section] !== undefined && cases.every(isReady))
      findings.push({ path: [section], at: 'key', message, allowed });
    for (const { key, path } of axes)
      if (path[0] === section) findings.push({ path: ['matrix', key], at: 'key', message, allowed });
  }
  return findings;
}

const labSections = ['link', 'storage', 'image', 'history'] as const;

/** A real server has its own link, disks and images: nothing of them can be set. */
function realServerFindings(
  file: Values,
  axes: readonly MatrixAxis[],
  cases: readonly Pick<ParsedScenario, 'server'>[],
): LocatedFinding[] {
  const isReal = ({ server }: Pick<ParsedScenario, 'server'>): boolean => server.kind === 'pbs';
  if (!cases.some(isReal)) return [];
  const findings: LocatedFinding[] = [];
  const found = (path: Path, message: string, allowed: string): void =>
    void findings.push({ path, at: 'key', message, allowed });
  if (!cases.every(isReal)) {
    found(
      ['matrix', 'server'],
      'a scenario is measured either in the lab or on a real server',
      'servers of one kind, and a scenario for each kind',
    );
  }
  for (const section of labSections) {
    const message = 'a real server has its own link, disks and images';
    const allowed = `\`${section}\` with \`server: { kind: embedded }\`; \`restorelab capture\` writes such a scenario from a real server`;
    if (file[section] !== undefined) found([section], message, allowed);
    for (const { key, path } of axes) if (path[0] === section) found(['matrix', key], message, allowed);
  }
  const { transport } = file;
  if (typeof transport === 'object' && transport !== null && Object.hasOwn(transport, 'server'))
    found(['transport', 'server'], 'a real server has an HTTP/2 of its own', '`transport` without `server`');
  return findings;
}
