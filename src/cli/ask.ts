import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

import type { Edge } from './edge.ts';

/**
 * Asks a question that only `y` or `yes` answers with yes. Without a terminal nobody could answer, and it is no.
 * @throws the reason of an interruption
 */
export async function askYes(question: string, { stdin, stderr, interrupted }: Edge): Promise<boolean> {
  if (stdin.isTTY !== true) return false;
  const output = new Writable({
    write: (text: Buffer, _encoding, done) => {
      stderr.write(text.toString());
      done();
    },
  });
  const lines = createInterface({ input: stdin, output });
  // The end of the input is no answer.
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `, { signal: interrupted }), closed]);
    return /^y(?:es)?$/iu.test(answer.trim());
  } catch (error) {
    interrupted.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}
