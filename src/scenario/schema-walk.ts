import { z } from 'zod';

import { quantityFields } from './quantity-schema.ts';
import type { QuantityKind } from './quantity.ts';

type Schema = z.core.$ZodType;

/** The schema below optional, default and transform wrappers, that is, what is written in a file. */
export function unwrapped(schema: Schema): Schema {
  let inner = schema;
  for (;;) {
    if (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault)
      inner = inner.def.innerType;
    else if (inner instanceof z.ZodPipe && !(inner.def.in instanceof z.ZodUnknown)) inner = inner.def.in;
    else return inner;
  }
}

/** The fields of an object's schema by name; of a union, those of the member that `written` is of by its `kind`. */
export function fieldsOf(schema: Schema, written?: unknown): Readonly<Record<string, Schema>> {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodObject) return inner.def.shape;
  if (!(inner instanceof z.ZodUnion)) return {};
  const members = inner.def.options.map((member) => fieldsOf(member));
  const kind = typeof written === 'object' && written !== null && 'kind' in written ? written.kind : undefined;
  return (
    members.find(({ kind: literal }) => literal !== undefined && z.safeParse(literal, kind).success) ??
    Object.assign({}, ...members)
  );
}

/** The first `kind` of a union whose members have a field `key`. */
export function kindWith(key: string, schema: Schema): string | undefined {
  const inner = unwrapped(schema);
  if (!(inner instanceof z.ZodUnion)) return undefined;
  const member = inner.def.options.map((option) => fieldsOf(option)).find((fields) => Object.hasOwn(fields, key));
  const literal = member?.['kind'];
  return literal instanceof z.ZodLiteral ? String(literal.value) : undefined;
}

/** The schema of the value at `path`, or undefined where the path leads nowhere. */
export function schemaAt(schema: Schema, path: readonly PropertyKey[], written: unknown): Schema | undefined {
  let inner: Schema | undefined = schema;
  let value = written;
  for (const key of path) {
    const outer: Schema = unwrapped(inner);
    if (outer instanceof z.ZodArray) inner = outer.def.element;
    else {
      const fields = fieldsOf(outer, value);
      inner = Object.hasOwn(fields, key) ? fields[String(key)] : undefined;
    }
    if (inner === undefined) return undefined;
    value = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  }
  return inner;
}

/** What kind of quantity a field is, or undefined for a plain number or text. */
export function quantityKindOf(schema: Schema): QuantityKind | undefined {
  return quantityFields.get(unwrappedField(schema))?.kind;
}

/** A field as a value that is there: without its default and not optional. */
export function unwrappedField(schema: Schema): z.ZodType {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault)
    inner = inner.def.innerType;
  return inner as z.ZodType;
}
