import assert from 'node:assert/strict';
import { test } from 'node:test';

import { z } from 'zod';

import { scenarioJsonSchema, scenarioSchema } from '../../src/scenario/schema.ts';
import { fieldsOf, unwrapped } from '../../src/scenario/schema-walk.ts';
import { strategies, strategyAliases } from '../../src/strategy/strategies.ts';
import { schemaProblems } from './json-schema-problems.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

const jsonSchema = scenarioJsonSchema();
const propertiesOf = (schema: JsonSchema): Readonly<Record<string, JsonSchema>> =>
  schema['properties'] as Record<string, JsonSchema>;

/** Every field with its JSON Schema and its zod schema. */
function* fields(
  json: JsonSchema,
  schema: z.core.$ZodType,
  place: string,
): Generator<{ place: string; json: JsonSchema; schema: z.ZodType }> {
  yield { place, json, schema: schema as z.ZodType };
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodArray) yield* fields(json['items'] as JsonSchema, inner.def.element, `${place}[]`);
  if (inner instanceof z.ZodUnion) {
    for (const [index, member] of inner.def.options.entries())
      yield* fields(((json['oneOf'] ?? json['anyOf']) as JsonSchema[])[index] ?? {}, member, `${place}(${index})`);
    return;
  }
  for (const [name, field] of Object.entries(fieldsOf(inner)))
    yield* fields(propertiesOf(json)[name] ?? {}, field, `${place}.${name}`);
}

test('every example in the schema is accepted by the validation and by the schema itself', () => {
  let count = 0;
  for (const { place, json, schema } of fields(jsonSchema, scenarioSchema, '')) {
    for (const example of (json['examples'] ?? []) as unknown[]) {
      count += 1;
      const parsed = schema.safeParse(example);
      assert.ok(parsed.success, `${place}: ${JSON.stringify(example)}: ${parsed.error?.message}`);
      assert.deepEqual(schemaProblems(json, example, place), []);
    }
  }
  assert.ok(count > 30, `${count} examples`);
});

test('every default in the schema is what the validation uses', () => {
  for (const { place, json, schema } of fields(jsonSchema, scenarioSchema, '')) {
    if (!Object.hasOwn(json, 'default')) continue;
    assert.deepEqual(schema.safeParse(json['default']), schema.safeParse(undefined), place);
  }
});

test('every key has a description', () => {
  for (const { place, json } of fields(jsonSchema, scenarioSchema, '')) {
    if (/[.]kind$|\(\d\)$/u.test(place)) continue;
    assert.ok(
      typeof json['description'] === 'string' || place.endsWith('[]') || place.startsWith('.matrix'),
      `${place} has none`,
    );
  }
});

test('what can be left out is not required, and other keys are refused', () => {
  assert.deepEqual(jsonSchema['required'], ['formatVersion', 'name']);
  assert.deepEqual(schemaProblems(jsonSchema, { formatVersion: 1, name: 'a' }), []);
  assert.deepEqual(schemaProblems(jsonSchema, { formatVersion: 1, name: 'a', lnk: {} }), [': lnk is not a known key']);
  assert.equal(schemaProblems(jsonSchema, { formatVersion: 1, name: 'a', link: { roundTrip: 30 } }).length, 1);
  assert.equal(schemaProblems(jsonSchema, { formatVersion: 1, name: 'a', link: { roundTrip: '30 mss' } }).length, 1);
  assert.equal(
    schemaProblems(jsonSchema, { formatVersion: 1, name: 'a', matrix: { 'link.rate': ['5 ms'] } }).length,
    1,
  );
});

test('strategies to choose from are those of the catalogue, their aliases, and a program', () => {
  const entry = propertiesOf(jsonSchema)['strategies']?.['items'] as JsonSchema;
  assert.deepEqual(propertiesOf(entry)['name']?.['enum'], [
    ...Object.keys(strategies),
    ...Object.keys(strategyAliases),
    'external',
  ]);
});
