import { ParameterRefusal } from './refusal.ts';

/** Why a value is not acceptable, in the words of PBS; undefined where it is. */
export type ParameterCheck = (value: string) => string | undefined;

export interface ParameterRule {
  readonly check: ParameterCheck;
  readonly isOptional?: boolean;
}

/** Parameter names in alphabetical order, the order in which PBS reports missing ones. */
export type ParameterRules = Readonly<Record<string, ParameterRule>>;

/** Sent by browsers to get round caches; every endpoint ignores it (spec 2.5). */
const IGNORED_NAME = '_dc';

export const matches =
  (
    pattern: RegExp,
    { minLength = 0, maxLength = Infinity }: { readonly minLength?: number; readonly maxLength?: number } = {},
  ): ParameterCheck =>
  (value) => {
    if (value.length < minLength) return `value must be at least ${minLength} characters long`;
    if (value.length > maxLength) return `value may only be ${maxLength} characters long`;
    return pattern.test(value) ? undefined : 'value does not match the regex pattern';
  };

export const isOneOf =
  (values: readonly string[]): ParameterCheck =>
  (value) =>
    values.includes(value) ? undefined : `value '${value}' is not defined in the enumeration.`;

export const isIntegerFrom =
  (minimum: number, maximum: number = Infinity): ParameterCheck =>
  (value) => {
    if (!/^[+-]?\d+$/u.test(value) || !Number.isSafeInteger(Number(value))) return 'invalid digit found in string';
    if (Number(value) < minimum) return `value must have a minimum value of ${minimum} (got ${value})`;
    return Number(value) > maximum ? `value must have a maximum value of ${maximum} (got ${value})` : undefined;
  };

/** All spellings that PBS takes in a query (spec 2.5). */
export const isBoolean: ParameterCheck = (value) =>
  /^(?:1|on|yes|true|0|off|no|false)$/iu.test(value) ? undefined : 'Unable to parse boolean option.';

/** Of a value that `isBoolean` takes; false where it is absent. */
export const isTrue = (value: string | undefined): boolean => /^(?:1|on|yes|true)$/iu.test(value ?? '');

/** Anything goes. */
export const isText: ParameterCheck = () => undefined;

/**
 * Checks parameters against the rules of an endpoint and returns their values.
 * @throws Refusal 400 with every problem found; the wording of more than one is ours, since none was ever recorded
 */
export function readParameters(
  given: Iterable<readonly [string, string]>,
  rules: ParameterRules,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const problems: [name: string, reason: string][] = [];
  for (const [name, value] of given) {
    if (name === IGNORED_NAME) continue;
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    const reason =
      rule === undefined
        ? 'schema does not allow additional properties.'
        : values.has(name)
          ? 'duplicate parameter.'
          : rule.check(value);
    values.set(name, value);
    if (reason !== undefined) problems.push([name, reason]);
  }
  for (const [name, { isOptional = false }] of Object.entries(rules)) {
    if (!isOptional && !values.has(name)) problems.push([name, 'parameter is missing and it is not optional.']);
  }
  const [first] = problems;
  if (first === undefined) return values;
  if (problems.length === 1)
    throw new ParameterRefusal(400, `parameter verification failed - '${first[0]}': ${first[1]}`);
  throw new ParameterRefusal(
    400,
    `parameter verification errors\n\n${problems.map(([name, reason]) => `parameter '${name}': ${reason}\n`).join('')}`,
  );
}

/** {@link readParameters} of a query string, form encoding. */
export const readQuery = (query: string, rules: ParameterRules): ReadonlyMap<string, string> =>
  readParameters(new URLSearchParams(query), rules);
