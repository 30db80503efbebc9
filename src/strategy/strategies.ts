import type { Strategy } from '../model/ports.ts';
import { adaptive } from './adaptive.ts';
import { concurrent } from './concurrent.ts';
import { multiConnection } from './multi-connection.ts';
import { sequential } from './sequential.ts';
import { windowOrdered } from './window-ordered.ts';
import { windowUnordered } from './window-unordered.ts';

/**
 * Every strategy by its name, in the order of the documentation. Command-line choices, the scenario's schema and the
 * docs are derived from this map; a new strategy is one new file and one line here.
 */
export const strategies: Readonly<Record<string, Strategy>> = {
  [sequential.name]: sequential,
  [concurrent.name]: concurrent,
  [windowUnordered.name]: windowUnordered,
  [windowOrdered.name]: windowOrdered,
  [multiConnection.name]: multiConnection,
  [adaptive.name]: adaptive,
};

/** Other names under which a strategy is known, and the name that records and reports use. */
export const strategyAliases: Readonly<Record<string, string>> = {
  'ordered-async': windowOrdered.name,
};

/** The strategy of this name or alias, or undefined. */
export function findStrategy(name: string): Strategy | undefined {
  const canonical = Object.hasOwn(strategyAliases, name) ? strategyAliases[name] : name;
  return canonical !== undefined && Object.hasOwn(strategies, canonical) ? strategies[canonical] : undefined;
}
