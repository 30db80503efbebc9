import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { parse } from 'yaml';

import { loadScenario } from '../../src/scenario/load-scenario.ts';
import { scenarioJsonSchema } from '../../src/scenario/schema.ts';
import { objectiveMetrics } from '../../src/model/objective.ts';
import { schemaProblems } from './json-schema-problems.ts';

const text = readFileSync(new URL('../../docs/scenarios.md', import.meta.url), 'utf8');
const examples = [...text.matchAll(/^```yaml\n(.*?)^```/gmsu)].map(([, example = '']) => example);

test('every example of the page on scenarios loads as it stands, and the schema accepts it', () => {
  assert.ok(examples.length > 0);
  for (const example of examples) {
    assert.ok(loadScenario(example, { file: 'example.yaml', folder: '/scenarios' }).cases.length > 0);
    assert.deepEqual(schemaProblems(scenarioJsonSchema(), parse(example)), []);
  }
});

test('every metric that the page names exists, with a quantity of its unit', () => {
  const table = text.slice(text.indexOf('| metric | unit |'));
  const named = [...table.matchAll(/^\| (`[^|]+) \|/gmu)].flatMap(([, cell = '']) => {
    const names = [...cell.matchAll(/`([^`]+)`/gu)].map(([, name = '']) => name);
    const stem = names[0]?.split('.')[0] ?? '';
    return names.map((name) => (name.startsWith('.') ? `${stem}${name}` : name));
  });
  assert.deepEqual(named.toSorted(), Object.keys(objectiveMetrics).toSorted());
});
