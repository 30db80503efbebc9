import { ScenarioError, type ScenarioProblem } from '../model/errors.ts';
import { hideSecrets } from './hide-secrets.ts';
import { printable } from './wording.ts';

/** How much of a long line is shown around the mark. */
const CONTEXT_LENGTH = 100;

/** All problems of a file as one error, in the order of the file. */
export function scenarioError(problems: readonly ScenarioProblem[], code: string, hint?: string): ScenarioError {
  const ordered = problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  return new ScenarioError(ordered.map(problemText).join('\n'), ordered, {
    code,
    ...(hint === undefined ? {} : { hint }),
  });
}

/**
 * One problem as `file:line:column: message`, the line as written with the place marked, and what is allowed:
 *
 *     wan.yaml:4:14: `10 mss`: unknown unit `mss`; did you mean `10 ms`?
 *       4 |   roundTrip: 10 mss
 *         |              ^~~~~~
 *       allowed: a duration with a unit (us, ms, s, min), for example 30 ms
 */
export function problemText({ file, line, column, message, sourceLine, markLength, allowed }: ScenarioProblem): string {
  const place = [printable(file), line, column].filter((part) => part !== undefined).join(':');
  const lines = [`${place}: ${hideSecrets(message)}`];
  if (line !== undefined && column !== undefined && sourceLine !== undefined) {
    // A line of a megabyte is cut to the part around the mark.
    const start = column > CONTEXT_LENGTH ? column - 1 - CONTEXT_LENGTH / 2 : 0;
    const shown = hideSecrets(sourceLine).slice(start, start + 2 * CONTEXT_LENGTH);
    const before = printable(shown.slice(0, column - 1 - start));
    const marked = printable(shown.slice(column - 1 - start, column - 1 - start + (markLength ?? 1)));
    const gutter = String(line);
    lines.push(`  ${gutter} | ${printable(shown)}`);
    lines.push(
      `  ${' '.repeat(gutter.length)} | ${' '.repeat(characters(before))}^${'~'.repeat(Math.max(0, characters(marked) - 1))}`,
    );
  }
  if (allowed !== undefined) lines.push(`  allowed: ${allowed}`);
  return lines.join('\n');
}

/** Code points, so that a surrogate pair before the mark counts once. */
function characters(text: string): number {
  return Array.from(text).length;
}
