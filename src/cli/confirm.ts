import { createInterface } from 'node:readline/promises';

import { UsageError } from '../model/errors.ts';
import type { Edge } from './edge.ts';

/**
 * Has the user agree to something that cannot be undone, by typing `yes` or `y`.
 * @throws UsageError `not-confirmed`, also where nobody can be asked; the reason of the edge's signal
 */
export async function confirm(
  question: string,
  { stdin, stderr, interrupted }: Pick<Edge, 'stdin' | 'stderr' | 'interrupted'>,
  { skipWith }: { readonly skipWith: string },
): Promise<void> {
  if (stdin.isTTY !== true) {
    throw new UsageError(`${question} Nobody can be asked: standard input is not a terminal`, {
      code: 'not-confirmed',
      hint: `if that is meant, say so with ${skipWith}`,
    });
  }
  stderr.write(`${question} Type y or yes to go on: `);
  const lines = createInterface({ input: stdin });
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve).once('close', () => resolve(''));
      interrupted.addEventListener('abort', () => reject(interrupted.reason as Error), { once: true });
    });
    if (['y', 'yes'].includes(answer.trim().toLowerCase())) return;
  } finally {
    lines.close();
  }
  throw new UsageError('not confirmed: nothing was changed', { code: 'not-confirmed' });
}
