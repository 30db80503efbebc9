import { findStrategy } from '../strategy/strategies.ts';
import { quote } from './wording.ts';

/** Strategies of the project's outline; those that exist meanwhile are found in the catalogue first. */
const outlinedStrategies: ReadonlySet<string> = new Set(['deduplicating', 'locality']);

const outlinedKinds: Readonly<Record<string, ReadonlyMap<string, string>>> = {
  target: new Map([
    ['block', 'a block device as target (`kind: block`)'],
    ['stdout', 'standard output as target (`kind: stdout`)'],
  ]),
};

/**
 * What a value of a section asks for that the outline of scenario files names but that does not exist yet, and the
 * key that asks for it. Such a file is refused and never half understood.
 */
export function notBuilt(
  section: string,
  written: unknown,
): { readonly key: string; readonly message: string } | undefined {
  if (typeof written !== 'object' || written === null) return undefined;
  if (section === 'strategies' && 'name' in written && typeof written.name === 'string') {
    const { name } = written;
    if (outlinedStrategies.has(name) && findStrategy(name) === undefined)
      return { key: 'name', message: `the strategy ${quote(name)} is not built yet` };
  }
  if ('kind' in written && typeof written.kind === 'string' && Object.hasOwn(outlinedKinds, section)) {
    const what = outlinedKinds[section]?.get(written.kind);
    if (what !== undefined) return { key: 'kind', message: `${what} is not built yet` };
  }
  return undefined;
}
