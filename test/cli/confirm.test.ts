import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';

import { confirm } from '../../src/cli/confirm.ts';
import type { Edge } from '../../src/cli/edge.ts';

const options = { skipWith: '--yes' };

interface Asked {
  readonly edge: Pick<Edge, 'stdin' | 'stderr' | 'interrupted'>;
  readonly stdin: PassThrough & { isTTY?: boolean };
  readonly written: string[];
}

function edgeOf(isTTY: boolean, interrupted: AbortSignal = new AbortController().signal): Asked {
  const stdin: Asked['stdin'] = new PassThrough();
  stdin.isTTY = isTTY;
  const written: string[] = [];
  const stderr = { write: (text: string) => written.push(text) };
  return { edge: { stdin, stderr, interrupted }, stdin, written };
}

test('only yes and y mean yes', async () => {
  for (const answer of ['yes', ' YES ', 'y', 'Y']) {
    const { edge, stdin, written } = edgeOf(true);
    stdin.write(`${answer}\n`);
    await confirm('Forget?', edge, options);
    assert.match(written.join(''), /^Forget\? /u);
  }
  for (const answer of ['', 'n', 'no', 'ye', 'yesterday']) {
    const { edge, stdin } = edgeOf(true);
    stdin.write(`${answer}\n`);
    await assert.rejects(confirm('Forget?', edge, options), { code: 'not-confirmed', exitCode: 2 }, answer);
  }
});

test('the end of the input is no', async () => {
  const { edge, stdin } = edgeOf(true);
  stdin.end();
  await assert.rejects(confirm('Forget?', edge, options), { code: 'not-confirmed' });
});

test('an input that is no terminal is not asked, and told what to give instead', async () => {
  const { edge, stdin, written } = edgeOf(false);
  stdin.write('yes\n');
  await assert.rejects(confirm('Forget?', edge, options), { code: 'not-confirmed', hint: /--yes/u });
  assert.deepEqual(written, []);
});

test('an interruption ends the question', async () => {
  const controller = new AbortController();
  const { edge } = edgeOf(true, controller.signal);
  const asking = confirm('Forget?', edge, options);
  controller.abort(new Error('interrupted by SIGINT'));
  await assert.rejects(asking, /interrupted by SIGINT/u);
});
