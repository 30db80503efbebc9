import { z } from 'zod';

import { UsageError } from '../model/errors.ts';

/**
 * What yargs parsed, checked: it hands on NaN for a number that is none, and an array for an option given twice.
 * @throws UsageError that names the option
 */
export function parseArgv<Shape extends z.ZodRawShape>(
  argv: Readonly<Record<string, unknown>>,
  shape: Shape,
): z.infer<z.ZodObject<Shape>> {
  const parsed = z.object(shape).safeParse(argv);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const name = String(issue?.path[0] ?? '');
  throw new UsageError(`--${name}: ${issue?.message ?? 'wrong value'}`, {
    code: 'usage',
    hint: 'see --help of the command',
  });
}
