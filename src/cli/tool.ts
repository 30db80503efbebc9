import { readFileSync } from 'node:fs';

const { name, version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  name: string;
  version: string;
};

/** This program, as its package.json names it; sources and compiled code lie equally deep in the package. */
export const tool: { readonly name: string; readonly version: string } = { name, version };

/** Folders that are shipped with the program. */
export const shipped: { readonly scenarios: URL; readonly schemas: URL } = {
  scenarios: new URL('../../scenarios/', import.meta.url),
  schemas: new URL('../../schemas/', import.meta.url),
};
