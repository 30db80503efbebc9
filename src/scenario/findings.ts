import { z } from 'zod';

import { nearestName } from './nearest-name.ts';
import { notBuilt } from './not-built.ts';
import type { Finding, Path } from './scenario-source.ts';
import { fieldsOf, kindWith, schemaAt } from './schema-walk.ts';
import { describe, quote } from './wording.ts';

/** Something wrong at a place of the file. */
export interface LocatedFinding extends Finding {
  readonly path: Path;
  /** Whether the key itself is wrong and not its value. */
  readonly at: 'key' | 'value';
}

export type Checked<Output> = { readonly value: Output } | { readonly findings: readonly LocatedFinding[] };

/**
 * Parses `written` by `schema`; what is wrong comes in our own words, with what is allowed there. `section` is the
 * section that `written` is, or undefined for a whole file.
 */
export function check<Output>(schema: z.ZodType<Output>, written: unknown, section?: string): Checked<Output> {
  const missing = section === undefined ? notBuiltIn(written) : notBuiltAt(section, written, []);
  const parsed = schema.safeParse(written);
  if (parsed.success && missing.length === 0) return { value: parsed.data };
  const issues = membersIssues(parsed.error?.issues ?? [], written);
  const findings = [...issues, ...issuesBehindUnknownKeys(schema, written, issues)]
    .flatMap((issue) => inOurWords(issue, schema, written))
    .filter(({ path }) => !missing.some((other) => startsWith(path, other.path.slice(0, -1))));
  return { findings: [...missing, ...findings] };
}

/** What is wrong with a value that may be a name or a group of keys: as the one of the two that it is. */
function membersIssues(issues: readonly z.core.$ZodIssue[], written: unknown): readonly z.core.$ZodIssue[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue];
    const isGroup = typeof valueAt(written, issue.path) === 'object';
    const isOfGroup = (member: readonly z.core.$ZodIssue[]): boolean =>
      !member.some(({ code, path }) => code === 'invalid_value' && path.length === 0);
    const member = issue.errors.find((errors) => isOfGroup(errors) === isGroup) ?? [];
    return member.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
  });
}

/** An unknown key keeps zod from looking at how the other keys of its group fit together, so look without it. */
function issuesBehindUnknownKeys(
  schema: z.ZodType,
  written: unknown,
  issues: readonly z.core.$ZodIssue[],
): readonly z.core.$ZodIssue[] {
  const unknown = issues.filter((issue) => issue.code === 'unrecognized_keys');
  if (unknown.length === 0) return [];
  const copy: unknown = structuredClone(written);
  for (const { path, keys } of unknown) {
    const group = valueAt(copy, path) as Record<string, unknown>;
    for (const key of keys) delete group[key];
  }
  const known = new Set(issues.map(({ path, message }) => JSON.stringify([path, message])));
  return membersIssues(schema.safeParse(copy).error?.issues ?? [], copy).filter(
    ({ path, message }) => !known.has(JSON.stringify([path, message])),
  );
}

export function startsWith(path: Path, start: Path): boolean {
  return start.every((key, index) => String(path[index]) === String(key));
}

/** ` did you mean ...` where a name is near, else nothing. */
export function didYouMean(word: string, names: Iterable<string>): string {
  const nearest = nearestName(word, names);
  return nearest === undefined ? '' : `; did you mean \`${nearest}\`?`;
}

/** `a`, `b`, `c` */
export function listed(names: Iterable<string>): string {
  return [...names].map((name) => `\`${name}\``).join(', ');
}

function notBuiltIn(written: unknown): LocatedFinding[] {
  const values = (typeof written === 'object' && written !== null ? written : {}) as Readonly<Record<string, unknown>>;
  const entries = Array.isArray(values['strategies']) ? values['strategies'] : [];
  return [
    ...notBuiltAt('server', values['server'], ['server']),
    ...notBuiltAt('target', values['target'], ['target']),
    ...entries.flatMap((entry: unknown, index) => notBuiltAt('strategies', entry, ['strategies', index])),
  ];
}

function notBuiltAt(section: string, written: unknown, path: Path): LocatedFinding[] {
  const found = notBuilt(section, written);
  if (found === undefined) return [];
  const schemaFields = { server: '`kind: embedded`', target: '`kind: discard`, `file` or `throttled`' }[section];
  return [
    {
      path: [...path, found.key],
      at: 'value',
      message: found.message,
      ...(schemaFields === undefined ? {} : { allowed: schemaFields }),
    },
  ];
}

function inOurWords(issue: z.core.$ZodIssue, schema: z.ZodType, written: unknown): LocatedFinding[] {
  const { path } = issue;
  const value = valueAt(written, path);
  const finding = (message: string, allowed?: string): LocatedFinding[] => [{ path, at: 'value', message, allowed }];
  if (issue.code === 'unrecognized_keys') {
    const group = schemaAt(schema, path, written);
    const keys = group === undefined ? [] : Object.keys(fieldsOf(group, value));
    return issue.keys.map((key) => ({
      path: [...path, key],
      at: 'key',
      message: `unknown key ${quote(key)}${didYouMean(key, keys) || ofAnotherKind(key, group) || elsewhere(key, schema)}`,
      allowed: listed(keys),
    }));
  }
  if (issue.code === 'custom') {
    const allowed = typeof issue.params?.['allowed'] === 'string' ? issue.params['allowed'] : undefined;
    return value === undefined && path.length > 0
      ? finding(`\`${String(path.at(-1))}\` is missing`, allowed)
      : finding(issue.message, allowed);
  }
  const choices = choicesOf(issue);
  if (value === undefined)
    return finding(`\`${String(path.at(-1))}\` is missing`, choices === undefined ? undefined : listed(choices));
  if (choices !== undefined) {
    if (path.at(-1) === 'formatVersion' && typeof value === 'number' && value > Number(choices[0])) {
      return finding(`formatVersion ${value} is newer than this restorelab can read`, listed(choices));
    }
    return finding(
      `${describe(value)} is not allowed here${typeof value === 'string' ? didYouMean(value, choices) : ''}`,
      listed(choices),
    );
  }
  if (issue.code === 'invalid_type') {
    return finding(
      `expected ${expectedWords[issue.expected] ?? issue.expected}, found ${describe(value)}`,
      allowedKeys(schema, path, written),
    );
  }
  const isList = Array.isArray(value);
  if (issue.code === 'too_small')
    return finding(
      isList ? 'the list is empty' : `${describe(value)} is too short`,
      isList ? 'one entry or more' : 'one character or more',
    );
  if (issue.code === 'too_big')
    return finding(isList ? 'the list is too long' : `${describe(value)} is too long`, `at most ${issue.maximum}`);
  return finding(issue.message);
}

const expectedWords: Readonly<Record<string, string>> = {
  object: 'a group of keys',
  array: 'a list',
  string: 'a text',
  number: 'a number',
};

function choicesOf(issue: z.core.$ZodIssue): readonly string[] | undefined {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  if (issue.code === 'invalid_union' && 'options' in issue && Array.isArray(issue.options))
    return issue.options.map(String);
  return undefined;
}

function allowedKeys(schema: z.ZodType, path: Path, written: unknown): string | undefined {
  const group = schemaAt(schema, path, written);
  const keys = group === undefined ? [] : Object.keys(fieldsOf(group));
  return keys.length === 0 ? undefined : `the keys ${listed(keys)}`;
}

/** A key of a group whose `kind` is another one. */
function ofAnotherKind(key: string, group: z.core.$ZodType | undefined): string {
  const kind = group === undefined ? undefined : kindWith(key, group);
  return kind === undefined ? '' : `; it belongs to \`kind: ${kind}\``;
}

/** Where a key is known that was written in the wrong place. */
function elsewhere(key: string, root: z.ZodType): string {
  for (const [section, schema] of Object.entries(fieldsOf(root))) {
    if (section !== 'matrix' && Object.hasOwn(fieldsOf(schema), key)) return `; it belongs below \`${section}\``;
  }
  return '';
}

function valueAt(written: unknown, path: Path): unknown {
  let value = written;
  for (const key of path)
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined;
  return value;
}
