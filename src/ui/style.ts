import { styleText } from 'node:util';

import type { Environment, OutputStream } from './output-stream.ts';

const formats = ['bold', 'dim', 'red', 'green', 'yellow', 'cyan'] as const;

/** Wraps text in a colour, or returns it as it is where colours are off. */
export type Style = Readonly<Record<(typeof formats)[number], (text: string) => string>> & {
  readonly hasColour: boolean;
};

/**
 * Colours for a stream. `FORCE_COLOR` decides where it is set (`0` and `false` are off, anything else on); otherwise
 * they are on for a terminal that is not `TERM=dumb`, unless `NO_COLOR` is set to anything (https://no-color.org).
 */
export function styleFor(stream: Pick<OutputStream, 'isTTY'>, env: Environment): Style {
  const hasColour = wantsColour(stream, env);
  const entries = formats.map((format) => [
    format,
    (text: string) => (hasColour ? styleText(format, text, { validateStream: false }) : text),
  ]);
  return { hasColour, ...(Object.fromEntries(entries) as Omit<Style, 'hasColour'>) };
}

function wantsColour({ isTTY }: Pick<OutputStream, 'isTTY'>, env: Environment): boolean {
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  return isTTY === true && env['TERM'] !== 'dumb';
}
