// The lines of the recorded sessions, whose form test/fixtures/golden/README.md describes.
import { readFileSync } from 'node:fs';

export type Field = readonly [name: string, value: string];

/** One thing that the relay saw, and the lines behind it that belong to it. */
export interface LogEntry {
  readonly connection: number;
  readonly direction: 'C>S' | 'S>C' | 'TLS';
  readonly what: string;
  /** Of a head or a body; the last one may be empty. */
  readonly lines: readonly string[];
}

const ENTRY = /^ *\d+\.\d+ #(\d+) (C>S|S>C|TLS) (.*)$/u;

/** In the order of the log. */
export function readLogEntries(path: string | URL): readonly LogEntry[] {
  const entries: (LogEntry & { readonly lines: string[] })[] = [];
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [, connection, direction, what = ''] = ENTRY.exec(line) ?? [];
    if (connection === undefined) entries.at(-1)?.lines.push(line);
    else
      entries.push({
        connection: Number(connection),
        direction: direction as LogEntry['direction'],
        what,
        lines: [],
      });
  }
  return entries;
}

/** The fields of `HEADERS ... | :path: /x | cookie: y`, pseudo fields included. */
export const fieldsOf = (what: string): readonly Field[] => what.split(' | ').slice(1).map(fieldOf);

/** `name: value`, where the name may begin with a colon. */
export function fieldOf(text: string): Field {
  const colon = text.indexOf(':', 1);
  return [text.slice(0, colon), text.slice(colon + 1).trim()];
}
