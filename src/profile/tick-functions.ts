import { z } from 'zod';

import { IntegrityError } from '../model/errors.ts';
import type { HotFunction } from '../model/profile.ts';
import { functionOnTop, SelfCosts, type StackFrame } from './hot-functions.ts';

/** Samples as 0x keeps them in `ticks.json`, and clinic-flame, which is built on it: stacks, the caller first. */
const ticksShape = z.array(z.array(z.object({ name: z.string(), type: z.string() })));

/** `decodeChunk file:///.../decode-chunk.ts:23:28`; the name is empty for a function without one. */
const JS_NAME = /^(?<name>.*?) ?(?<script>\S+):(?<line>\d+):\d+$/u;

/**
 * The hottest functions of the main thread. A sample in native code counts for the JavaScript function that called it,
 * as the inspector counts; one without any JavaScript on its stack is the event loop waiting, or V8 at work by itself.
 * @throws IntegrityError when the text is not what 0x writes
 */
export function tickFunctions(text: string): readonly HotFunction[] {
  const costs = new SelfCosts();
  for (const stack of parseTicks(text)) {
    const [top, ...callers] = stack.filter(({ type }) => type === 'JS').toReversed();
    if (top !== undefined)
      costs.add(
        functionOnTop(
          frameOf(top.name),
          callers.map(({ name }) => frameOf(name)),
        ),
        1,
      );
  }
  return costs.hottest('main');
}

function parseTicks(text: string): z.infer<typeof ticksShape> {
  try {
    return ticksShape.parse(JSON.parse(text));
  } catch (error) {
    throw new IntegrityError(`the samples of the profiler cannot be read: ${(error as Error).message}`, {
      code: 'profile-damaged',
      cause: error,
    });
  }
}

function frameOf(text: string): StackFrame {
  const { name = text, script, line } = JS_NAME.exec(text)?.groups ?? {};
  return { name, line: Number(line), ...(script === undefined ? {} : { script }) };
}
