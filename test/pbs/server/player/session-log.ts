// Reads the recorded sessions of test/fixtures/golden/wire, in the order in which the relay saw them.
import { fieldsOf, readLogEntries, type Field } from '../log-entries.ts';

interface Seen {
  readonly connection: number;
  readonly side: 'client' | 'server';
}

export interface SeenHead extends Seen {
  readonly kind: 'head';
  /** Without the empty line behind it. */
  readonly lines: readonly string[];
  /** What was sent behind it, without its line ends, cut at 4000 bytes. */
  body: string;
}

export interface SeenSettings extends Seen {
  readonly kind: 'settings';
  /** `INITIAL_WINDOW_SIZE` and its value. */
  readonly values: readonly (readonly [name: string, value: number])[];
}

export interface SeenWindowUpdate extends Seen {
  readonly kind: 'window-update';
  readonly stream: number;
  readonly increment: number;
}

export interface SeenHeaders extends Seen {
  readonly kind: 'headers';
  readonly stream: number;
  readonly isEnd: boolean;
  readonly fields: readonly Field[];
}

/** All DATA of a stream, at its end. */
export interface SeenData extends Seen {
  readonly kind: 'data';
  readonly stream: number;
  readonly total: number;
  /** Text of a JSON or plain body, cut at 4000 bytes; of others there is {@link first16}. */
  readonly text: string | undefined;
  readonly first16: string | undefined;
}

export interface SeenPreface extends Seen {
  readonly kind: 'preface';
}

/** The client has closed its connection. */
export interface SeenEnd extends Seen {
  readonly kind: 'end';
}

export type SeenEvent = SeenEnd | SeenHead | SeenSettings | SeenWindowUpdate | SeenHeaders | SeenData | SeenPreface;

export function readSessionLog(log: string): readonly SeenEvent[] {
  const events: SeenEvent[] = [];
  for (const entry of readLogEntries(new URL(`../../../fixtures/golden/wire/${log}`, import.meta.url))) {
    const { connection, direction, what } = entry;
    if (direction === 'TLS') continue;
    const seen: Seen = { connection, side: direction === 'C>S' ? 'client' : 'server' };
    const lines = entry.lines.filter((line) => line !== '');
    if (what.startsWith('HTTP/1.1 head')) events.push({ ...seen, kind: 'head', lines, body: '' });
    else if (what.startsWith('body ')) {
      const head = events.findLast(
        (event): event is SeenHead =>
          event.kind === 'head' && event.connection === seen.connection && event.side === seen.side,
      );
      if (head !== undefined) head.body += lines.join('');
    } else {
      const event = frameOf(seen, what);
      if (event !== undefined) events.push(event);
    }
  }
  return events;
}

function frameOf(seen: Seen, what: string): SeenEvent | undefined {
  if (what.startsWith('HTTP/2 preface')) return { ...seen, kind: 'preface' };
  if (what.startsWith('connection read/relay ended'))
    return seen.side === 'client' ? { ...seen, kind: 'end' } : undefined;
  const update = /^WINDOW_UPDATE stream=(\d+) \+(\d+)$/u.exec(what);
  if (update !== null)
    return { ...seen, kind: 'window-update', stream: Number(update[1]), increment: Number(update[2]) };
  if (/^SETTINGS [A-Z_]+=/u.test(what)) {
    const values = what
      .split(' ')
      .slice(1)
      .map((pair) => pair.split('='));
    return { ...seen, kind: 'settings', values: values.map(([name = '', value]) => [name, Number(value)]) };
  }
  const headers = /^HEADERS stream=(\d+) end_stream=(true|false) /u.exec(what);
  if (headers !== null) {
    return {
      ...seen,
      kind: 'headers',
      stream: Number(headers[1]),
      isEnd: headers[2] === 'true',
      fields: fieldsOf(what),
    };
  }
  const data = /^DATA stream=(\d+) END_STREAM total=(\d+) in \d+ frames (?:body=(.*)|first16=([0-9a-f]*))$/su.exec(
    what,
  );
  if (data === null) return undefined;
  return { ...seen, kind: 'data', stream: Number(data[1]), total: Number(data[2]), text: data[3], first16: data[4] };
}
