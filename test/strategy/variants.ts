import type { Strategy } from '../../src/model/ports.ts';
import { adaptive } from '../../src/strategy/adaptive.ts';
import { strategies } from '../../src/strategy/strategies.ts';

/** `adaptive` as the knob `polite` makes it, which is a schedule of its own. */
export const politeAdaptive: Strategy = {
  ...adaptive,
  name: 'adaptive, polite',
  restore: async (context) => await adaptive.restore({ ...context, polite: true }),
};

/** Everything that schedules in a way of its own. */
export const variants: readonly Strategy[] = [...Object.values(strategies), politeAdaptive];
