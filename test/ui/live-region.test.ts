import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { LiveRegion } from '../../src/ui/live-region.ts';
import { FakeTerminal } from './fake-terminal.ts';

/** A clock that the test sets. */
class FakeClock {
  ms = 0;
  now = (): number => this.ms;
}

function onTerminal(terminal = new FakeTerminal()): { terminal: FakeTerminal; clock: FakeClock; region: LiveRegion } {
  const clock = new FakeClock();
  return { terminal, clock, region: new LiveRegion({ stream: terminal, env: {}, clock }) };
}

test('lines are redrawn in place, fewer and more of them', () => {
  const { terminal, clock, region } = onTerminal();
  region.update(['one', 'two']);
  assert.deepEqual(terminal.screen, ['one', 'two']);
  clock.ms += 1000;
  region.update(['1']);
  assert.deepEqual(terminal.screen, ['1']);
  clock.ms += 1000;
  region.update(['a', 'b', 'c']);
  assert.deepEqual(terminal.screen, ['a', 'b', 'c']);
});

test('what is printed stays above the lines', () => {
  const { terminal, clock, region } = onTerminal();
  region.update(['working']);
  region.print('a warning');
  assert.deepEqual(terminal.screen, ['a warning', 'working']);
  clock.ms += 1000;
  region.update(['still working']);
  region.print('two\nlines\n');
  assert.deepEqual(terminal.screen, ['a warning', 'two', 'lines', 'still working']);
});

test('ending removes the lines and the listener, and later updates show nothing', () => {
  const { terminal, clock, region } = onTerminal();
  region.print('kept');
  region.update(['gone', 'too']);
  assert.equal(terminal.listenerCount, 1);
  region.end();
  region.end();
  clock.ms += 1000;
  region.update(['late']);
  assert.deepEqual(terminal.screen, ['kept']);
  assert.equal(terminal.listenerCount, 0);
  region.print('result');
  assert.deepEqual(terminal.screen, ['kept', 'result']);
});

test('the cursor is never hidden, so that a killed process leaves the terminal as it should be', () => {
  const { terminal, region } = onTerminal();
  region.update(['a']);
  region.end();
  assert.doesNotMatch(terminal.written, /\?25/u);
});

test('updates that come too fast are held back, and the latest is shown with the next one', () => {
  const { terminal, clock, region } = onTerminal();
  for (let step = 0; step < 50; step += 1) {
    clock.ms = step;
    region.update([`step ${step}`]);
  }
  assert.deepEqual(terminal.screen, ['step 0']);
  region.print('printed');
  assert.deepEqual(terminal.screen, ['printed', 'step 49']);
});

test('lines longer than the terminal are cut, so that none wraps', () => {
  const { terminal, region } = onTerminal(new FakeTerminal(20));
  region.update(['x'.repeat(100)]);
  assert.deepEqual(terminal.screen, [`${'x'.repeat(18)}…`]);
});

test('more lines than the terminal has are left out', () => {
  const { terminal, region } = onTerminal(new FakeTerminal(20, 4));
  region.update(['1', '2', '3', '4', '5', '6']);
  assert.deepEqual(terminal.screen, ['1', '2', '3']);
});

test('resizing leaves nothing of the old lines behind, whatever happens in between', () => {
  const step = fc.oneof(
    fc.record({ resize: fc.integer({ min: 10, max: 60 }) }),
    fc.record({ lines: fc.array(fc.stringMatching(/^[a-z]{1,70}$/u), { minLength: 1, maxLength: 3 }) }),
    fc.record({ print: fc.constant('kept') }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const { terminal, clock, region } = onTerminal(new FakeTerminal(40, 50));
      let printed = 0;
      for (const action of steps) {
        clock.ms += 1000;
        if ('resize' in action) terminal.resize(action.resize);
        else if ('lines' in action) region.update(action.lines);
        else {
          region.print(action.print);
          printed += 1;
        }
        assert.deepEqual(
          terminal.screen.slice(0, printed),
          Array.from({ length: printed }, () => 'kept'),
        );
        assert.ok(terminal.screen.length <= printed + 3, terminal.screen.join('\n'));
      }
      region.end();
      assert.equal(terminal.screen.length, printed);
    }),
  );
});

test('a stream that is no terminal gets a plain line now and then, without control sequences', () => {
  const written: string[] = [];
  const clock = new FakeClock();
  const region = new LiveRegion({
    stream: { write: (text) => written.push(text) },
    env: {},
    clock,
    plainIntervalMs: 3000,
  });
  for (; clock.ms < 10_000; clock.ms += 100)
    region.update(['[###---]', 'details'], `done ${Math.floor(clock.ms / 2000)}`);
  region.print('a warning');
  region.end();
  assert.deepEqual(written, ['done 0\n', 'done 1\n', 'done 3\n', 'done 4\n', 'a warning\n']);
});

test('a plain line is not repeated when nothing has changed', () => {
  const written: string[] = [];
  const clock = new FakeClock();
  const region = new LiveRegion({ stream: { write: (text) => written.push(text) }, env: {}, clock });
  for (; clock.ms < 60_000; clock.ms += 1000) region.update(['waiting']);
  assert.deepEqual(written, ['waiting\n']);
});

test('a dumb terminal is treated as a file', () => {
  const terminal = new FakeTerminal();
  const region = new LiveRegion({ stream: terminal, env: { TERM: 'dumb' }, clock: new FakeClock() });
  region.update(['a']);
  assert.equal(terminal.written, 'a\n');
});
