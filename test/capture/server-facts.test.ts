import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readServerFacts } from '../../src/capture/server-facts.ts';
import { ServerError } from '../../src/model/errors.ts';

const { signal } = new AbortController();
const version = async (): Promise<{ readonly text: string; readonly major: number }> =>
  await Promise.resolve({ text: '4.2.3', major: 4 });

/** A server with these answers by path; an error is one. */
async function factsOf(answers: Readonly<Record<string, unknown>>): Promise<ReadonlyMap<string, string>> {
  const get = async ({ path }: { readonly path: string }): Promise<unknown> => {
    const answer = answers[path];
    if (answer instanceof Error) throw answer;
    return await Promise.resolve(answer);
  };
  const facts = await readServerFacts({ version, get }, signal);
  return new Map(facts.map(({ name, text }) => [name, text]));
}

const TASKS = '/nodes/localhost/tasks';
const RULES = '/admin/traffic-control';

test('what a server permits is told, each question by itself', async () => {
  const denied = new ServerError('the server denies a@pbs listing its rules: permission check failed', {
    code: 'permission-denied',
  });
  const facts = await factsOf({ [TASKS]: [{ worker_type: 'verify', worker_id: 'tank' }], [RULES]: denied });
  assert.equal(facts.get('server'), 'Proxmox Backup Server 4.2.3');
  assert.match(facts.get('running tasks') ?? '', /^verify tank; each takes its share/u);
  assert.match(facts.get('traffic control') ?? '', /^unavailable: the server denies a@pbs/u);
});

test('limits are named with their rules, and an answer of another form is none', async () => {
  const facts = await factsOf({ [TASKS]: { no: 'list' }, [RULES]: [{ name: 'office', 'rate-out': '10 MB' }] });
  assert.equal(facts.get('running tasks'), 'unavailable: its answer has another form');
  assert.equal(facts.get('traffic control'), 'office: no limit in, 10 MB/s out');
});

test('what somebody wrote on the server does not steer the terminal', async () => {
  const facts = await factsOf({ [TASKS]: [{ worker_type: 'x\u001b[2J', worker_id: 'a\nb' }], [RULES]: [] });
  assert.match(facts.get('running tasks') ?? '', /^x \[2J a b;/u);
  assert.equal(facts.get('traffic control'), 'no rules');
});
