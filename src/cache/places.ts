import { isAbsolute, join } from 'node:path';

/** Where things of this tool live that belong to no working tree. Absolute paths; nothing is created here. */
export interface Places {
  /** Can be made anew at any time: generated datastores. */
  readonly cache: string;
  /** Sources as Node.js compiled them; `restorelab.js` names the same folder, before anything else can be loaded. */
  readonly code: string;
  /** Should last: the embedded server's certificate. */
  readonly state: string;
  /** Journals of restores to devices, part of `state`. */
  readonly restores: string;
}

/** XDG base directories; a relative path in them is to be ignored (XDG Base Directory Specification 0.8). */
export function placesFrom(env: Readonly<Record<string, string | undefined>>, homedir: string): Places {
  const place = (variable: string, fallback: string): string => {
    const value = env[variable];
    return join(value !== undefined && isAbsolute(value) ? value : join(homedir, fallback), 'restorelab');
  };
  const cache = place('XDG_CACHE_HOME', '.cache');
  const state = place('XDG_STATE_HOME', join('.local', 'state'));
  return { cache, code: `${cache}-code`, state, restores: join(state, 'restores') };
}
