import { fileURLToPath } from 'node:url';

import type { HotFunction } from '../model/profile.ts';

/** A function of a profile, before its cost is known. */
export type ProfiledFunction = Omit<HotFunction, 'thread' | 'selfShare'>;

/** More rows of one thread would hide the others; what is below costs next to nothing. */
const MAX_FUNCTIONS_PER_THREAD = 12;

/** Self cost of functions in one kind of thread, in any unit, summed as it is found. */
export class SelfCosts {
  readonly #costs: Map<string, { readonly profiled: ProfiledFunction; cost: number }> = new Map();
  #total = 0;

  add(profiled: ProfiledFunction, cost: number): void {
    this.#total += cost;
    const key = JSON.stringify(profiled);
    const known = this.#costs.get(key);
    if (known === undefined) this.#costs.set(key, { profiled, cost });
    else known.cost += cost;
  }

  /** The hottest first; shares are of everything that was added. */
  hottest(thread: string): readonly HotFunction[] {
    return [...this.#costs.values()]
      .filter(({ cost }) => cost > 0)
      .toSorted((a, b) => b.cost - a.cost)
      .slice(0, MAX_FUNCTIONS_PER_THREAD)
      .map(({ profiled, cost }) => ({ thread, ...profiled, selfShare: cost / this.#total }));
  }
}

/** One frame of a stack, as engines write it; native code has no script. */
export interface StackFrame {
  readonly name: string;
  readonly script?: string;
  /** From 1. */
  readonly line: number;
}

/** The function at the top of a stack; what is not ours is named with the function of ours that called it. */
export function functionOnTop(top: StackFrame, callers: Iterable<StackFrame>): ProfiledFunction {
  const named = { name: nameOf(top), ...(top.script === undefined ? {} : { location: locationOf(top) }) };
  if (isOurs(top)) return named;
  for (const caller of callers) {
    if (isOurs(caller)) return { ...named, caller: `${nameOf(caller)} (${locationOf(caller)})` };
  }
  return named;
}

/**
 * Whether a thread only waits there: decode threads sleep in `Atomics.wait`, which profilers take for work of the
 * function around it.
 */
export function isWaiting(top: StackFrame): boolean {
  return isOurs(top) && top.name === WAITING_FUNCTION;
}

/** That of src/decode/thread-memory.ts. */
const WAITING_FUNCTION = 'wait';

const packageUrl = new URL('../../', import.meta.url).href;
const packageFolder = fileURLToPath(packageUrl);

/** Files of this package are shown from its folder. */
const roots = [packageUrl, packageFolder];

const nameOf = ({ name }: StackFrame): string => (name === '' ? '(anonymous)' : name);

function isOurs({ script = '' }: StackFrame): boolean {
  return roots.some((root) => script.startsWith(root) && !script.startsWith(`${root}node_modules/`));
}

function locationOf({ script = '', line }: StackFrame): string {
  const root = roots.find((one) => script.startsWith(one)) ?? '';
  return `${script.slice(root.length)}:${line}`;
}
