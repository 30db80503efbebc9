import { z } from 'zod';

import { allowedQuantity, parseQuantity, quantityKinds, quantityPattern, type QuantityKind } from './quantity.ts';
import { describe, quote } from './wording.ts';

/** Which schemas are quantities, so that other parts can name their values in base units. */
export const quantityFields: z.core.$ZodRegistry<{ readonly kind: QuantityKind }> = z.registry<{
  readonly kind: QuantityKind;
}>();

/** How a matrix says "no limit" for an optional rate. */
export const UNLIMITED = 'unlimited';

interface Bound {
  /** In base units. */
  readonly value: number;
  /** As a person would write it. */
  readonly text: string;
}

export interface QuantityOptions {
  readonly description: string;
  readonly examples?: readonly string[];
  /** Smallest value that is allowed; 0 without it. */
  readonly min?: Bound;
  readonly max?: Bound;
  /** Whether 0 is refused, as for a rate, where a missing key means unlimited. */
  readonly positive?: boolean;
}

/** A text with a number and a unit; its output is in base units. */
export function quantity(kind: QuantityKind, options: QuantityOptions): z.ZodType<number, string> {
  return annotated(kind, options, quantityPattern(kind), (written, context) =>
    inBaseUnits(kind, options, written, context),
  );
}

/** A rate, or the word `unlimited`; its output is bytes per second, or undefined for no limit. */
export function optionalRate(options: QuantityOptions): z.ZodType<number | undefined, string> {
  return annotated('rate', options, `${quantityPattern('rate')}|^${UNLIMITED}$`, (written, context) =>
    written === UNLIMITED ? undefined : inBaseUnits('rate', { ...options, positive: true }, written, context),
  );
}

/** A whole number within bounds. */
export function count(options: {
  readonly description: string;
  readonly min: number;
  readonly max: number;
  readonly example: number;
}): z.ZodType<number, number> {
  const { min, max, description, example } = options;
  const allowed = `a whole number from ${min} to ${max}`;
  return z
    .unknown()
    .transform((written, context) => {
      if (typeof written === 'number' && Number.isInteger(written) && written >= min && written <= max) return written;
      return refuse(
        context,
        typeof written === 'number'
          ? `\`${written}\` is ${Number.isInteger(written) ? 'out of range' : 'not a whole number'}`
          : `expected a whole number, found ${describe(written)}`,
        allowed,
      );
    })
    .meta({ type: 'integer', minimum: min, maximum: max, description, examples: [example] }) as unknown as z.ZodType<
    number,
    number
  >;
}

/** `true` or `false`. */
export function yesOrNo({ description }: { readonly description: string }): z.ZodType<boolean, boolean> {
  return z
    .unknown()
    .transform((written, context) =>
      typeof written === 'boolean'
        ? written
        : refuse(context, `expected true or false, found ${describe(written)}`, '`true` or `false`'),
    )
    .meta({ type: 'boolean', description, examples: [true] }) as unknown as z.ZodType<boolean, boolean>;
}

/** A plain number within bounds. */
export function ratio(options: {
  readonly description: string;
  readonly min: number;
  readonly max: number;
  readonly examples: readonly number[];
}): z.ZodType<number, number> {
  const { min, max, description, examples } = options;
  const allowed = `a plain number from ${min} to ${max}, for example ${examples[0]}`;
  return z
    .unknown()
    .transform((written, context) => {
      if (typeof written === 'number' && written >= min && written <= max) return written;
      return refuse(
        context,
        typeof written === 'number'
          ? `\`${written}\` is out of range`
          : `expected a plain number, found ${describe(written)}`,
        allowed,
      );
    })
    .meta({ type: 'number', minimum: min, maximum: max, description, examples: [...examples] }) as unknown as z.ZodType<
    number,
    number
  >;
}

/** Notes a problem with what would be allowed, in the form that the loader prints. */
export function refuse(
  context: z.core.$RefinementCtx,
  message: string,
  allowed?: string,
  path?: readonly PropertyKey[],
): never {
  context.addIssue({
    code: 'custom',
    message,
    ...(allowed === undefined ? {} : { params: { allowed } }),
    ...(path === undefined ? {} : { path: [...path] }),
  });
  return z.NEVER;
}

function annotated<Output>(
  kind: QuantityKind,
  { description, examples }: QuantityOptions,
  pattern: string,
  transform: (written: unknown, context: z.core.$RefinementCtx) => Output,
): z.ZodType<Output, string> {
  // `unknown` and not `string`, so that a number without a unit gets our message; the JSON Schema says what is meant.
  const schema = z
    .unknown()
    .transform(transform)
    .meta({ type: 'string', pattern, description, examples: [...(examples ?? quantityKinds[kind].examples)] });
  schema.register(quantityFields, { kind });
  return schema as unknown as z.ZodType<Output, string>;
}

function inBaseUnits(
  kind: QuantityKind,
  { min, max, positive }: QuantityOptions,
  written: unknown,
  context: z.core.$RefinementCtx,
): number {
  const parsed = parseQuantity(kind, written);
  if ('message' in parsed) return refuse(context, parsed.message, parsed.allowed);
  const text = quote(String(written).trim());
  if (min !== undefined && parsed.value < min.value)
    return refuse(context, `${text} is too small`, `${min.text} or more`);
  if (max !== undefined && parsed.value > max.value)
    return refuse(context, `${text} is too large`, `at most ${max.text}`);
  if (positive === true && parsed.value === 0)
    return refuse(context, `${text} must be more than 0`, allowedQuantity(kind));
  return parsed.value;
}
