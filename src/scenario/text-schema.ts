import { z } from 'zod';

import { refuse } from './quantity-schema.ts';
import { describe, quote } from './wording.ts';

export interface TextOptions {
  readonly description: string;
  readonly example: string;
  /** What it is called, with its article. */
  readonly noun: string;
  /** What it is made of. */
  readonly allowed: string;
  readonly pattern: RegExp;
}

/** A text of a fixed form; anything else is refused with words and not with a regular expression. */
export function text({ description, noun, example, allowed, pattern }: TextOptions): z.ZodType<string, string> {
  return z
    .unknown()
    .transform((written, context) => {
      if (typeof written === 'string' && pattern.test(written)) return written;
      return refuse(
        context,
        typeof written === 'string'
          ? `${quote(written)} is not ${noun}`
          : `expected ${noun}, found ${describe(written)}`,
        `${allowed}, for example ${example}`,
      );
    })
    .meta({ type: 'string', pattern: pattern.source, description, examples: [example] }) as unknown as z.ZodType<
    string,
    string
  >;
}
