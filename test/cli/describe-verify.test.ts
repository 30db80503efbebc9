import assert from 'node:assert/strict';
import { test } from 'node:test';

import { analyseVerify } from '../../src/analysis/summarise-verify.ts';
import { describeVerify } from '../../src/cli/describe-verify.ts';
import { verifyOf } from '../analysis/synthetic-verify.ts';

test('what a verify found is broken between words where the terminal ends, and whole in a pipe', () => {
  const { report } = analyseVerify({ record: verifyOf({}) });
  const whole = describeVerify(report);
  const broken = describeVerify(report, 80);
  assert.ok(whole.split('\n').some((line) => line.length > 80));
  for (const line of broken.split('\n')) assert.ok(line.length <= 80, line);
  const words = (text: string): readonly string[] => text.split(/\s+/u);
  assert.deepEqual(words(broken), words(whole));
});
