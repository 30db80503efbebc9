import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';

import { askYes } from '../../src/cli/ask.ts';
import type { Edge } from '../../src/cli/edge.ts';

interface Asked {
  readonly edge: Edge;
  readonly stdin: PassThrough & { isTTY?: boolean };
  readonly written: string[];
}

function edgeOf(isTTY: boolean, interrupted: AbortSignal = new AbortController().signal): Asked {
  const stdin: Asked['stdin'] = new PassThrough();
  stdin.isTTY = isTTY;
  const written: string[] = [];
  const stderr = { write: (text: string) => written.push(text) };
  return { edge: { stdin, stderr, interrupted } as unknown as Edge, stdin, written };
}

test('only y and yes mean yes', async () => {
  for (const [answer, expected] of [
    ['y', true],
    ['Yes', true],
    [' YES ', true],
    ['', false],
    ['n', false],
    ['yesterday', false],
  ] as const) {
    const { edge, stdin, written } = edgeOf(true);
    stdin.write(`${answer}\n`);
    assert.equal(await askYes('Forget?', edge), expected, answer);
    assert.equal(written.join(''), 'Forget? [y/N] ');
  }
});

test('the end of the input is no, and so is an input that is no terminal, which is not even asked', async () => {
  const ended = edgeOf(true);
  ended.stdin.end();
  assert.equal(await askYes('Forget?', ended.edge), false);
  const piped = edgeOf(false);
  piped.stdin.write('y\n');
  assert.equal(await askYes('Forget?', piped.edge), false);
  assert.deepEqual(piped.written, []);
});

test('an interruption ends the question', async () => {
  const controller = new AbortController();
  const { edge } = edgeOf(true, controller.signal);
  const asking = askYes('Forget?', edge);
  controller.abort(new Error('interrupted by SIGINT'));
  await assert.rejects(asking, /interrupted by SIGINT/u);
});
