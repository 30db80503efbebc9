import type { CaseSettings } from '../model/environment.ts';
import { transportText } from '../model/transport.ts';
import { check, listed, type LocatedFinding } from './findings.ts';
import { nearestName } from './nearest-name.ts';
import { baseUnitName } from './quantity.ts';
import { UNLIMITED } from './quantity-schema.ts';
import type { Path } from './scenario-source.ts';
import { caseSections, scenarioSchema, type CaseSection } from './schema.ts';
import { fieldsOf, quantityKindOf, schemaAt, unwrappedField } from './schema-walk.ts';
import { defaultStrategies, knobNames } from './strategy-schema.ts';
import { quote } from './wording.ts';

/** More cases than anybody reads in one report. */
export const MAX_CASES = 200;

type Values = Readonly<Record<string, unknown>>;

/** One key of the matrix whose values are valid by themselves. */
export interface MatrixAxis {
  /** As written in the file. */
  readonly key: string;
  /** What it replaces. */
  readonly path: Path;
  readonly values: readonly { readonly position: number; readonly written: unknown }[];
  /** What the reports call it: value in base units by unit-bearing name. */
  parametersOf(settings: Omit<CaseSettings, 'parameters'>): Readonly<Record<string, number | string>>;
}

/** One value of each axis. */
export type Combination = readonly {
  readonly axis: MatrixAxis;
  readonly position: number;
  readonly written: unknown;
}[];

/** The axes of a file's matrix, without those values that are wrong by themselves; these are in `findings`. */
export function readMatrix(file: Values): {
  readonly axes: readonly MatrixAxis[];
  readonly findings: readonly LocatedFinding[];
} {
  const { matrix } = file;
  if (matrix === undefined) return { axes: [], findings: [] };
  const findings: LocatedFinding[] = [];
  const found = (path: Path, at: 'key' | 'value', message: string, allowed: string): void =>
    void findings.push({ path, at, message, allowed });
  if (typeof matrix !== 'object' || matrix === null || Array.isArray(matrix)) {
    found(
      ['matrix'],
      'value',
      'a matrix is a group of dotted keys, each with a list of values',
      '`link.roundTrip: [0 ms, 30 ms]`',
    );
    return { axes: [], findings };
  }
  const labels = strategyLabels(file);
  const axes: MatrixAxis[] = [];
  for (const [key, written] of Object.entries(matrix as Values)) {
    const path = matrixPath(key, labels);
    if (path === undefined) {
      found(
        ['matrix', key],
        'key',
        `the matrix cannot vary ${quote(key)}${meantKey(key, matrixKeys(labels))}`,
        matrixKeysAround(key, labels),
      );
    } else if (!Array.isArray(written) || written.length === 0) {
      found(['matrix', key], 'value', 'expected a list of values', 'one value or more, as in `[0 ms, 30 ms]`');
    } else {
      axes.push(readAxis(key, path, written, { file, labels, findings }));
    }
  }
  return { axes, findings };
}

/** Every combination of values, the last key of the matrix varying fastest; one empty combination without axes. */
export function combinations(axes: readonly MatrixAxis[]): readonly Combination[] {
  let all: { axis: MatrixAxis; position: number; written: unknown }[][] = [[]];
  for (const axis of axes) {
    if (axis.values.length === 0) continue;
    all = all.flatMap((combination) =>
      axis.values.map(({ position, written }) => combination.concat({ axis, position, written })),
    );
  }
  return all;
}

/** The file of one case: the same values with those of the combination in their places, and no matrix. */
export function withCombination(file: Values, combination: Combination): Values {
  const copy = copyOf(file) as Record<string, unknown>;
  delete copy['matrix'];
  if (combination.some(({ axis }) => axis.path[0] === 'strategies')) copy['strategies'] ??= copyOf(defaultStrategies);
  for (const { axis, written } of combination) {
    const [section, ...rest] = axis.path.map(String);
    if (section === undefined) continue;
    const last = rest.pop();
    if (last === undefined) {
      copy[section] = written;
      continue;
    }
    copy[section] ??= section === 'server' ? { kind: 'embedded' } : {};
    // `transport: NAME` is short for a group with that name.
    if (section === 'transport' && typeof copy[section] === 'string') copy[section] = { name: copy[section] };
    let group: unknown = copy[section];
    for (const key of rest) group = (group as Record<string, unknown>)[key];
    // Anything else stands where a group should, which the check of the case reports.
    if (typeof group === 'object' && group !== null) (group as Record<string, unknown>)[last] = written;
  }
  return copy;
}

/** A copy without shared parts: two aliases of one anchor are one object until then. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyOf(inner)]));
}

function readAxis(
  key: string,
  path: Path,
  written: readonly unknown[],
  {
    file,
    labels,
    findings,
  }: { readonly file: Values; readonly labels: readonly string[]; readonly findings: LocatedFinding[] },
): MatrixAxis {
  const context = path[0] === 'strategies' ? { ...file, strategies: file['strategies'] ?? defaultStrategies } : file;
  const schema = schemaAt(scenarioSchema, path, context);
  const values: { position: number; written: unknown }[] = [];
  const seen = new Map<string, number>();
  for (const [position, value] of written.entries()) {
    const checked =
      schema === undefined
        ? { value }
        : check(unwrappedField(schema), value, path.length === 1 ? String(path[0]) : undefined);
    if ('findings' in checked) {
      for (const { path: rest, ...finding } of checked.findings)
        findings.push({ ...finding, path: ['matrix', key, position, ...rest] });
      continue;
    }
    const same = JSON.stringify(checked.value) ?? UNLIMITED;
    if (seen.has(same)) {
      findings.push({
        path: ['matrix', key, position],
        at: 'value',
        message: 'the same value is in the list twice',
        allowed: 'each value once; `trials.repeats` says how often',
      });
    }
    seen.set(same, position);
    values.push({ position, written: value });
  }
  return { key, path, values, parametersOf: (settings) => parameters(path, labels, settings) };
}

/** `roundTripMs` for `link.roundTrip` and so on, with the values of the finished case. */
function parameters(
  path: Path,
  labels: readonly string[],
  settings: Omit<CaseSettings, 'parameters'>,
): Readonly<Record<string, number | string>> {
  const [section, field, knob] = path.map(String);
  if (section === 'strategies') {
    const strategy = settings.strategies[Number(field)];
    const value = knobNames.find((name) => name === knob);
    if (strategy === undefined || value === undefined) return {};
    const knobValue = strategy.knobs[value];
    if (knobValue === undefined) return {};
    return { [`${labels[Number(field)]}.${value}`]: typeof knobValue === 'boolean' ? String(knobValue) : knobValue };
  }
  if (section === 'server' && field === undefined) return { server: serverName(settings) };
  if (section === 'transport' && field === undefined) return { transport: transportText(settings.transport) };
  const sectionSettings = settings[section as CaseSection] as unknown as Values;
  const fields = fieldsOf(caseSections[section as CaseSection], sectionSettings);
  const named: Record<string, number | string> = {};
  for (const [name, schema] of Object.entries(fields)) {
    if (field !== undefined && name !== field) continue;
    const kind = quantityKindOf(schema);
    const baseName = kind === undefined ? name : baseUnitName(kind, name);
    const value = sectionSettings[baseName];
    named[`${section}.${baseName}`] = typeof value === 'number' || typeof value === 'string' ? value : UNLIMITED;
  }
  return named;
}

/** Which image a case restores, and how it is served, short: `vm/100/2026-02-16T16:30:44Z/drive-scsi0.img`. */
function serverName({ server }: Pick<CaseSettings, 'server'>): string {
  if (server.kind === 'pbs') return `${server.snapshot}/${server.archive.replace(/\.fidx$/u, '')} on a real server`;
  const { processes = 1 } = server;
  const chunks = 'chunks' in server && server.chunks === 'synthesised' ? ' of synthesised chunks' : '';
  const image =
    'datastore' in server ? `${server.snapshot}/${server.archive.replace(/\.fidx$/u, '')}` : `synthetic image${chunks}`;
  return processes === 1 ? image : `${image} from ${processes} processes`;
}

/** Labels of the declared strategies, or of the default ones; entries that are wrong have an empty one. */
export function strategyLabels(file: Values): readonly string[] {
  const declared = file['strategies'] ?? defaultStrategies;
  if (!Array.isArray(declared)) return [];
  return declared.map((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return '';
    if ('label' in entry && typeof entry.label === 'string') return entry.label;
    return 'name' in entry && typeof entry.name === 'string' ? entry.name : '';
  });
}

function matrixPath(key: string, labels: readonly string[]): Path | undefined {
  const parts = key.split('.');
  const [section = '', ...rest] = parts;
  if (Object.hasOwn(caseSections, section)) {
    const [field, ...more] = rest;
    if (field === undefined) return [section];
    const isField = field !== 'kind' && Object.hasOwn(fieldsOf(caseSections[section as CaseSection]), field);
    return isField && more.length === 0 ? [section, field] : undefined;
  }
  const [which, knob] = section === 'strategies' ? rest : parts;
  if (which === undefined || knob === undefined || parts.length !== (section === 'strategies' ? 3 : 2))
    return undefined;
  const index = /^\d+$/u.test(which) ? (section === 'strategies' ? Number(which) : -1) : labels.indexOf(which);
  if (labels[index] === undefined || !knobNames.some((name) => name === knob)) return undefined;
  return ['strategies', index, knob];
}

/** All keys would be a long list: those of the section that was meant, or the sections. */
function matrixKeysAround(key: string, labels: readonly string[]): string {
  const [section = ''] = key.split('.');
  if (Object.hasOwn(caseSections, section))
    return listed(matrixKeys([]).filter((name) => name.split('.')[0] === section));
  return `${listed(Object.keys(caseSections))} or one of their keys, as in \`link.roundTrip\`; a knob (${listed(knobNames)}) of ${listed(new Set(labels.filter((label) => label !== '')))}`;
}

/** Both halves of a dotted key must be near, or every knob would be near to every other strategy's; a bare field counts. */
function meantKey(key: string, keys: readonly string[]): string {
  const [first = '', ...rest] = key.split('.');
  const owner = nearestName(first, new Set(keys.map((name) => name.split('.')[0] ?? '')));
  const meant =
    rest.length === 0
      ? (keys.find((name) => name.endsWith(`.${key}`)) ?? owner)
      : nearestName(
          rest.join('.'),
          keys.flatMap((name) =>
            owner !== undefined && name.startsWith(`${owner}.`) ? [name.slice(owner.length + 1)] : [],
          ),
        );
  if (meant === undefined) return '';
  return `; did you mean \`${rest.length === 0 ? meant : `${owner}.${meant}`}\`?`;
}

function matrixKeys(labels: readonly string[]): readonly string[] {
  const keys: string[] = [];
  for (const [section, schema] of Object.entries(caseSections)) {
    keys.push(section);
    for (const field of Object.keys(fieldsOf(schema))) if (field !== 'kind') keys.push(`${section}.${field}`);
  }
  for (const label of labels) if (label !== '') for (const knob of knobNames) keys.push(`${label}.${knob}`);
  return keys;
}
